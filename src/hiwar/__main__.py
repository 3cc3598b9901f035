"""`python -m hiwar`."""

from hiwar.cli import main

main()
