"""The sound of the room: jitter buffer, mix, mix-minus, limiter, levels. Pure, numpy."""
