"""Debian's ffmpeg, mpv and VLC play every way of listening and every recording."""
