"""Who is let in, when, and how it is told: gate, limits, lottery, seats, puzzles, ladder, capacity. Pure."""
