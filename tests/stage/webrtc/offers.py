"""Offers as peers really send them (shortened where a list only repeats)."""

FINGERPRINT = (
    "6C:5D:98:54:1C:44:8C:25:79:44:83:1F:98:19:2A:EE:29:DF:97:7D:B1:21:7B:3B:67:14:B1:59:2E:D7:F6:10"
)

CHROMIUM = f"""v=0
o=- 4862382537976522922 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS e0240cb0-4498-4596-b2ee-ca07b8425e84
m=audio 34921 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.2
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1371725680 1 udp 2122194687 192.0.2.2 34921 typ host generation 0 network-id 1
a=candidate:1454420928 1 udp 2122265343 2001:db8::2 37275 typ host generation 0 network-id 2
a=candidate:789396968 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 network-id 1
a=ice-ufrag:1fbe
a=ice-pwd:uBxo3IjOa51N3UNTNFZZahBY
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:e0240cb0-4498-4596-b2ee-ca07b8425e84 9189ab59-87af-499a-a44a-3022decc5855
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:0 PCMU/8000
a=rtpmap:126 telephone-event/8000
a=ssrc:1022580782 cname:GBQ1WXIt4IK/PMeS
"""

VIDEO = f"""m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:1fbe
a=ice-pwd:uBxo3IjOa51N3UNTNFZZahBY
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:1
a=sendrecv
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
"""

DATA = """m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:1fbe
a=ice-pwd:uBxo3IjOa51N3UNTNFZZahBY
a=setup:actpass
a=mid:2
a=sctp-port:5000
"""

FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 3721093128482734921 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 {FINGERPRINT}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=candidate:0 1 UDP 2122252543 7ff3e3ce-6f5d-4d2b-9a1f-0e3b2f4c5d6e.local 47211 typ host
a=candidate:1 1 TCP 2105524479 7ff3e3ce-6f5d-4d2b-9a1f-0e3b2f4c5d6e.local 9 typ host tcptype active
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:b4e1c7b0f2a94d6e8c3d5f7a9b1c2d3e
a=ice-ufrag:6a5f2c1d
a=mid:0
a=msid:- {{0f0e0d0c-0b0a-0908-0706-050403020100}}
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2655508255 cname:{{735484ea-4f6c-f74a-bd66-7425f8476c2e}}
"""

OBS = f"""v=0
o=rtc 2687401234 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE audio video
a=group:LS audio video
a=msid-semantic:WMS *
a=ice-options:ice2,trickle
a=fingerprint:sha-256 {FINGERPRINT}
m=audio 52710 UDP/TLS/RTP/SAVPF 111
c=IN IP4 192.0.2.7
a=mid:audio
a=sendonly
a=ssrc:3112233445 cname:encoder
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
a=setup:actpass
a=ice-ufrag:9uB9
a=ice-pwd:yYt4PiUTKq2kUcUXvGkCBw
a=candidate:1 1 UDP 2122317823 192.0.2.7 52710 typ host
a=end-of-candidates
m=video 52710 UDP/TLS/RTP/SAVPF 96
c=IN IP4 192.0.2.7
a=mid:video
a=sendonly
a=rtcp-mux
a=rtpmap:96 H264/90000
"""


def wire(text: str) -> str:
    return text.replace("\n", "\r\n")
