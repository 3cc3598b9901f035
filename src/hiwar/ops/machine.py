"""What a process may still take of the machine: memory and descriptors. Read, never changed."""

import resource

DESCRIPTORS_MAX = 1_048_576  # nobody asks for more: what Linux allows by default (`fs.nr_open`)


def available_memory() -> int:
    """Bytes that new work may take without swapping (proc(5), meminfo); 0 where the system does not say."""
    with open("/proc/meminfo", encoding="ascii") as file:
        found = next((line for line in file if line.startswith("MemAvailable:")), "MemAvailable: 0 kB")
    return int(found.split()[1]) * 1024


def descriptors_max() -> int:
    """How many descriptors this process may ask for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(hard, DESCRIPTORS_MAX) if hard != resource.RLIM_INFINITY else DESCRIPTORS_MAX
