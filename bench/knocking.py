"""Connections that are turned away: `python -m bench.knocking`, inside a namespace that the bench made.

Opens so many connections from one address, some at a time, waits until each is closed (or, in a hurry, until
it is open, to use up the network's share), and says how that went; who is let in after all hangs up. It
speaks only to the machine's own end of the namespace's cable (`bench.namespaces`).
"""

import argparse
import json
import select
import socket
import sys

from bench.namespaces import HERE, source

CONNECTIONS_MAX = 100_000
AT_ONCE = 512
WAIT_MS = 30  # after the last answer: whoever is still open then has been let in


def knock(port: int, count: int, *, hurry: bool) -> dict[str, int]:
    """`count` connections, `AT_ONCE` at a time; how many were closed without a byte, answered, or let in."""
    outcome = {"closed": 0, "answered": 0, "let_in": 0}
    for first in range(0, count, AT_ONCE):
        poll = select.poll()
        batch: dict[int, socket.socket] = {}
        for _ in range(first, min(count, first + AT_ONCE)):
            connection = socket.socket()
            connection.bind((source(0), 0))
            connection.setblocking(False)
            connection.connect_ex((HERE, port))
            batch[connection.fileno()] = connection
            poll.register(connection, select.POLLOUT if hurry else select.POLLIN)
        while batch:
            ready = poll.poll(WAIT_MS)
            if not ready:
                outcome["let_in"] += len(batch)
                break
            for descriptor, _ in ready:
                poll.unregister(descriptor)
                outcome[_read(batch.pop(descriptor), hurry=hurry)] += 1
        for connection in batch.values():
            connection.close()
    return outcome


def _read(connection: socket.socket, *, hurry: bool) -> str:
    with connection:
        if hurry:
            return "closed"
        try:
            return "answered" if connection.recv(4096) else "closed"
        except OSError:
            return "closed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--hurry", action="store_true")
    options = parser.parse_args()
    if options.count > CONNECTIONS_MAX:
        sys.exit(f"at most {CONNECTIONS_MAX} connections")
    print(json.dumps(knock(options.port, options.count, hurry=options.hurry)))


if __name__ == "__main__":
    main()
