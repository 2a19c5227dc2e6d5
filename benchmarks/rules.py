"""How fast rules are evaluated, and how the portal does with ten thousand of them.

`python -m benchmarks.rules --core` evaluates in one process alone, to see what a change does.
"""

from __future__ import annotations

import argparse

from benchmarks import rule_core
from benchmarks.rule_data import RULE_SETS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", action="store_true", help="only the evaluation, in one process")
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--sets", nargs="+", choices=list(RULE_SETS), default=list(RULE_SETS))
    parser.add_argument("--interval", type=int, default=15, help="seconds between evaluations")
    parser.add_argument("--rounds", type=int, default=5, help="with --core: evaluations of all")
    arguments = parser.parse_args()
    with rule_core.own_servers():
        core = rule_core.Core(
            iterations=arguments.rounds * len(arguments.sets), interval_seconds=arguments.interval
        )
        for rule_set in arguments.sets:
            for one in core.rounds(rule_set, rules=arguments.rules, count=arguments.rounds):
                print(f"{rule_set}: {one}", flush=True)  # noqa: T201 (a command's result)


if __name__ == "__main__":
    main()
