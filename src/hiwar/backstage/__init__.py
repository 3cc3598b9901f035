"""The speakers' entrance: their pages, WHIP signalling, the links, and the care for stages."""
