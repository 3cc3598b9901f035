"""The classes of listeners, between whom seats are shared."""

from enum import IntEnum


class ListenerClass(IntEnum):
    """In the order in which they are let in; the numbers travel in tickets and lie in the seat table."""

    RETURNING = 0  # holds the ticket of a seat that was lost or taken back
    INVITED = 1  # shows a voucher, or is logged in to an account
    SOLVED = 2  # has solved a puzzle
    STRANGER = 3  # none of these
