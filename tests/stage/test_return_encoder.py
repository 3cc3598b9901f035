from functools import cache

import numpy as np

from hiwar.demo import VOICE_FILES
from hiwar.packager.ogg import parse_packets
from hiwar.stage.opus import OpusDecoder, Pcm, has_fec
from hiwar.stage.return_encoder import CLEAN_FRAMES, ReturnEncoder


@cache
def speech() -> Pcm:
    """The demonstration's host, from the first word on: frames of 960 samples."""
    packets = parse_packets(VOICE_FILES["host"].read_bytes())
    frames, decoder = np.zeros((len(packets), 960), np.float32), OpusDecoder()
    for frame, packet in zip(frames, packets, strict=True):
        decoder.decode(packet, frame)
    return frames[10:]


def voice(number: int) -> Pcm:
    return np.ascontiguousarray(speech()[number])


def test_a_clean_line_gets_no_fec() -> None:
    encoder = ReturnEncoder()
    packets = [encoder.encode(voice(number)) for number in range(50)]
    assert not encoder.protected
    assert not any(has_fec(packet) for packet in packets)


def test_reported_loss_brings_fec_at_once_and_half_a_clean_minute_takes_it_away() -> None:
    encoder = ReturnEncoder()
    encoder.encode(voice(0))
    packets = [encoder.encode(voice(number), loss_percent=3.0) for number in range(1, 50)]
    assert sum(has_fec(packet) for packet in packets) > 25
    for number in range(CLEAN_FRAMES - 1):
        encoder.encode(voice(number), loss_percent=0.4)
    assert encoder.protected
    encoder.encode(voice(0))
    assert not encoder.protected


def test_the_change_of_encoder_leaves_no_hole_in_the_sound() -> None:
    encoder, decoder = ReturnEncoder(), OpusDecoder()
    out = np.zeros((100, 960), np.float32)
    for number in range(100):
        loss = 5.0 if number >= 50 else 0.0
        decoder.decode(encoder.encode(voice(number), loss), out[number])
    energies = np.sqrt(np.mean(out**2, axis=1))
    wanted = np.sqrt(np.mean(np.stack([voice(number) for number in range(100)]) ** 2, axis=1))
    assert np.all(energies[49:54] > 0.4 * np.minimum(wanted[48:53], wanted[49:54]))
