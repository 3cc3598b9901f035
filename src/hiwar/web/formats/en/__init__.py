"""English dates, the day first."""
