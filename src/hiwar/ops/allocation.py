"""How the C library hands out large blocks: apart from the heap, for as long as the process lives.

Theory of operation. glibc maps a block of `LARGE_BYTES` or more by itself, so that only the pages written to
are resident, and gives it back when it is freed. But once such a block has been freed, blocks up to its size
come from the heap from then on (mallopt(3), M_MMAP_THRESHOLD, "dynamic"). Each TLS connection has a buffer of
256 KiB of which it uses a page or two: on the heap its other pages are what handshakes and requests before it
have written to and freed, and stay resident, 18 KB a listener. A threshold that was set once stays.
"""

import contextlib
import ctypes

LARGE_BYTES = 128 * 1024  # where glibc begins
_M_MMAP_THRESHOLD = -3  # malloc.h


def keep_large_apart() -> bool:
    """Let no large block come from the heap, but what is beyond the 65,536 that glibc maps; False where the
    C library has no such setting."""
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES))
    return False
