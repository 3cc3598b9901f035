"""The recording of a conversation: append-only files, their index, the journal, the tracks.

    recording/<feed>.<ext>        init bytes, then every chunk's payload, exactly as the relay carries them
              <feed>.index        where each chunk lies (`index`)
              tracks/<id>.track   a speaker's packets as received (`tracks`)
              journal.jsonl       who, when, gaps (`journal`)
              damaged/            bytes that a salvage had to set aside, never thrown away

`recorder` writes, on a thread of its own; `salvage` makes a torn folder whole again; `reader` and `verify`
only read, also while a recorder is writing.
"""
