"""The named bounds of a door, and why each has its value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """Sizes in bytes, times in seconds. Every deadline is absolute: a byte now and then extends nothing.

    A browser's request head is 1 to 4 KiB; 16 KiB is what nginx and HAProxy take as well. Pipelining is
    bounded by bytes: one request is answered at a time and the rest waits unparsed. A connection serves as
    many requests as nginx lets it (`keepalive_requests`).

    Who reads an answer slowly must take what lies between the marks of the write buffer (48 of its 64 KiB)
    within `write_stall_s`: 2.4 KiB a second, or the connection goes.

    A TLS handshake costs 273 µs: 1,000 a second are 27 % of a core, and the burst of 100 is 27 ms of work,
    a third of the shortest write interval. One under way takes one or two round trips: 512 are enough for
    1,000 a second of clients far away. It holds 50 KiB, and a buffer of 256 KiB (uvloop's) that comes to be
    used in time: at most 160 MiB for all. Half a second is two round trips of a slow telephone; it is the
    limit only when every place is taken, and then lets go of the silent as fast as new ones may come.
    """

    connections_max: int = 20_000
    requests_max: int = 1000
    head_bytes_max: int = 16 * 1024
    target_bytes_max: int = 4096
    headers_max: int = 64
    body_bytes_max: int = 64 * 1024
    pipeline_bytes_max: int = 32 * 1024
    write_buffer_bytes: int = 64 * 1024
    discard_bytes_max: int = 256 * 1024  # read and thrown away, of who is being closed or only listens
    head_s: float = 3.0
    body_s: float = 5.0
    idle_s: float = 15.0
    write_stall_s: float = 20.0
    refusal_s: float = 0.25  # for at most so long a request that was turned away is so again, unasked
    linger_s: float = 1.0
    handshake_s: float = 2.0
    handshakes_max: int = 512  # under way at once
    handshakes_per_s: float = 1000.0
    handshakes_burst: int = 100
    handshake_crowded_s: float = 0.5  # when all places are taken, who has taken longer is let go
    close_grace_s: float = 2.0
    tick_s: float = 0.1  # how exactly deadlines are kept
