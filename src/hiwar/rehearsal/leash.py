"""`python -m hiwar.rehearsal.leash <pid>` becomes `hiwar serve`, and ends when the process `pid` does.

A rehearsal ends its instance itself; this is for the rehearsal that is killed. The wish to be told of the
parent's death survives becoming another program (prctl(2), PR_SET_PDEATHSIG).
"""

import os
import sys

from hiwar.ops.loop import die_with_parent

if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.executable, [sys.executable, "-m", "hiwar", "serve"])  # noqa: S606 - no shell is wanted
