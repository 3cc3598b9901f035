"""The front door: sockets, fan-out, playlists, cache and pass-through."""
