"""Every attack twice: on Hiwar, where it fails, and on one without the layer against it, which it breaks.

What is taken out is taken out by the test: by a subclass, a patch, or other arguments of a constructor; the
product has no switch for it. An attack that does not break the ablated Hiwar is too weak to count, and its
test fails. Figures are small, so that all of it is done in a minute. The same attacks at full force, against
all layers at once and with people beside them, are acts of the rehearsal (in brackets: `rehearsal.acts`).

- connection flood [connections]: `test_connection_flood`. Out: the bouncer
- TLS handshake flood [handshakes]: `test_handshake_flood`. Out: the budget; letting go of the slow
- request flood on the costliest pages [pages]: `test_request_flood`. Out: the cache; the lanes
- seat hoarding [hoarders]: `test_hoarding`. Out: the share of a network. The lottery alone, for two hours:
  `tests.admission.test_lottery_hoarders`; at full size: `hiwar.sim`
- join storm [storm, bots, full]: `test_join_storm`. Out: the quota. Botnets, beside rooms that are a queue or
  an auction: `tests.admission.test_lottery_botnet`, `test_lottery_gpu_farm`; at full size: `hiwar.sim`
- silent and dripping connections [slow]: `test_slow_connections`. Out: deadlines. By thousands: `bench.slow`
- huge headers and bodies [huge]: `test_huge_requests`. Out: bounds
- login stuffing [logins]: `test_login_stuffing`. Out: the limit of a network; the lane
- event flood [events]: `test_event_flood`. Out: that the slow miss some
- playlist flood [playlists]: `test_playlist_flood`. Out: the share of a network; rendering once
- ticket forgery and replay [forgery]: `test_tickets`. Out: the signature; one connection a seat
- one-time answers replayed [answers]: `test_answers_replayed`. Out: the memory of used answers
- tables overflowed with random /48s [tables]: `test_tables`. Out: the shared bucket; the bound. That a flood
  frees nobody who is held back: `tests.admission.test_limits`
- puzzle inflation [inflation]: `test_inflation`. Out: the cap. By offering more work than is asked for, with
  a law that follows offers beside ours: `tests.admission.test_effort`
"""
