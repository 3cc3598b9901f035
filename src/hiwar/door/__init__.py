"""The HTTP/1.1 door: sockets, TLS, parsing, absolute deadlines, bounds.

Shared by edge, backstage and archive.
"""
