"""The seat table's file, `<runtime>/seats`: made and written by the edge's parent, read by its workers.

It is mapped by all of them. The runtime folder is emptied when the machine starts, as it must be: times in
the table are of the monotonic clock. No address lies in it, only keyed hashes of networks.
"""

import mmap
import os
from pathlib import Path

import structlog

from hiwar.admission.seat_rows import BadTable, SeatView, table_bytes
from hiwar.admission.seats import SeatTable

SEATS_TABLED = 65_536  # rows; 9.5 MB, once for all processes. The capacity is lower

_log = structlog.get_logger("edge.table")


def open_table(path: Path) -> SeatTable:
    """The seat table in this file, as it is if it can be read, else an empty one."""
    size = table_bytes(SEATS_TABLED)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, size)
        buffer = memoryview(mmap.mmap(descriptor, size))
    finally:
        os.close(descriptor)
    try:
        return SeatTable(buffer, seats_max=SEATS_TABLED)
    except BadTable as error:
        _log.info("a new seat table", because=str(error))
        return SeatTable.create(buffer, seats_max=SEATS_TABLED)


def view_table(path: Path) -> SeatView:
    """The seat table in this file, to be read.

    Raises:
        OSError, BadTable: the owner has not made it, or another version did.
    """
    with path.open("rb") as file:
        buffer = memoryview(mmap.mmap(file.fileno(), table_bytes(SEATS_TABLED), prot=mmap.PROT_READ))
    return SeatView(buffer, seats_max=SEATS_TABLED)
