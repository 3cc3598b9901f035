"""The demonstration: a dialogue of some minutes between a host and a guest, in Arabic and English.

`voices/*.opus` are made by `scripts/make_demonstration.py` with espeak-ng: one file a speaker, as long as
the whole dialogue, silent where the other one speaks. They enter by the same way as a browser's packets.
"""

from pathlib import Path

VOICES = Path(__file__).parent / "voices"
VOICE_FILES = {"host": VOICES / "host.opus", "guest": VOICES / "guest.opus"}
