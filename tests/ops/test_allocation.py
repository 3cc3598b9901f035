"""Where a TLS buffer's memory comes from, seen in a process of its own."""

import platform
import subprocess
import sys

import pytest

# 256 KiB, as each TLS connection has, after larger blocks were freed: whether it lies on the heap.
LOOK = """
import ctypes
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
for _ in range(3):
    library.free(library.malloc(4 * 1024 * 1024))
at = library.malloc(256 * 1024)
(heap,) = [line.split()[0] for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]")]
first, end = (int(word, 16) for word in heap.split("-"))
print(first <= at < end)
"""
KEEP = "from hiwar.ops.allocation import keep_large_apart\nassert keep_large_apart()\n"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc moves the bound by itself")
@pytest.mark.parametrize(("before", "on_heap"), [("", True), (KEEP, False)])
def test_a_tls_buffer_stays_off_the_heap_whatever_was_freed_before(before: str, on_heap: bool) -> None:
    done = subprocess.run([sys.executable, "-c", before + LOOK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(on_heap)
