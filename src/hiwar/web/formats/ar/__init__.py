"""Arabic dates with Latin digits."""
