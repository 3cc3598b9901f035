"""Framing of sound for listeners: fMP4, Ogg, MP3, the window an edge keeps, and HLS playlists. Pure."""
