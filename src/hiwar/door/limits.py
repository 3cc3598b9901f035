"""The named bounds of a door, and why each has its value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """Sizes in bytes, times in seconds. Every deadline is absolute: a byte now and then extends nothing.

    A browser's request head is 1 to 4 KiB; 16 KiB is what nginx and HAProxy take as well. Pipelining is
    bounded by bytes: one request is answered at a time and the rest waits unparsed.
    """

    connections_max: int = 20_000
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
    linger_s: float = 1.0
    handshake_s: float = 2.0
    close_grace_s: float = 2.0
    tick_s: float = 0.1  # how exactly deadlines are kept
