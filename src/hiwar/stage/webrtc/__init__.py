"""Speakers by WebRTC: one `WebRtcSession` for each, from the SDP offer to the end of the connection.

aiortc does what is written once per connection: SDP state, ICE, DTLS. What happens fifty times a second
is done here, in the loop's own callbacks: a datagram is decrypted and handed on as a `SpeakerPacket`; an
Opus packet is framed, encrypted and put on the socket. No task, no queue and no jitter buffer of aiortc
lies in between. That needs private names of aiortc, which `check_aiortc` verifies at start; where they
are not as expected the stock way is taken, which costs more and decodes before it hands on (`stock`).
"""
