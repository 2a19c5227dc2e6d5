"""`python -m observability.embedded run` is what `make run` calls; the supervisor calls `become`."""

import argparse
import sys

from observability.embedded.launch import run
from observability.embedded.programs import PROGRAMS, become
from observability.embedded.servers import run_with_servers


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m observability.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the whole portal until Ctrl-C")
    servers = commands.add_parser("with-servers", help="run a command on short-lived servers")
    servers.add_argument("command_line", nargs=argparse.REMAINDER)
    program = commands.add_parser("become", help="turn into one program (for the supervisor)")
    program.add_argument("program", choices=PROGRAMS)
    arguments = parser.parse_args()
    if arguments.command == "run":
        return run()
    if arguments.command == "with-servers":
        return run_with_servers(arguments.command_line)
    become(arguments.program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
