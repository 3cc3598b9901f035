"""Simulated worlds that run the admission cores under simulated time. Pure; `hiwar simulate` is their shell.

Rules
- The cores are the product's own: `Gate`, `House`, `SeatTable`, the waiting room, limits, effort, capacity,
  pace and ladder, called as the edge calls them, with simulated time. Nothing of them is written again here.
- A seed decides everything: the same scenario and seed give the same report.
- What is not simulated is said where it is left out: sockets, signatures, and how sound is sent.
"""
