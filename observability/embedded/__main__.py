"""`python -m observability.embedded run`: what `make run` calls; the supervisor calls `become`."""

import argparse
import sys

from observability.embedded.launch import run
from observability.embedded.programs import PROGRAMS, become


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m observability.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the whole portal until Ctrl-C")
    program = commands.add_parser("become", help="turn into one program (for the supervisor)")
    program.add_argument("program", choices=PROGRAMS)
    arguments = parser.parse_args()
    if arguments.command == "run":
        return run()
    become(arguments.program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
