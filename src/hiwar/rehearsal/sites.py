"""Which addresses of 127.0.0.0/8 are whose. Pure.

    127.1.0.0   .. 127.99.255.0     honest people, each in a network (/24) of their own
    127.110.7.7                     a hall: very many honest people behind one address
    127.128.0.0 .. 127.223.255.0    attackers: `machines` spread evenly over `prefixes` networks

The proxy that the instance trusts is 127.0.0.1: only who comes from there may say other addresses.
"""

HONEST_SITES = 99 * 256
ATTACKING_SITES = 96 * 256
HOSTS = 250  # addresses of a network that are used, from .2 on
PROXY = "127.0.0.1"


def honest_source(number: int) -> str:
    """The address of the `number`th honest person; the first HONEST_SITES have networks of their own."""
    site, host = number % HONEST_SITES, number // HONEST_SITES % HOSTS
    return f"127.{1 + site // 256}.{site % 256}.{2 + host}"


def hall_source() -> str:
    return "127.110.7.7"


def attacking_source(machine: int, prefixes: int) -> str:
    """The address of the `machine`th of a botnet in `prefixes` networks (1..ATTACKING_SITES)."""
    site, host = machine % prefixes, machine // prefixes % HOSTS
    return f"127.{128 + site // 256}.{site % 256}.{2 + host}"
