"""Measurements, side by side in one run, against a peer or the physical limit."""
