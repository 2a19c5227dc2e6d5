"""How fast rules are evaluated beside Prometheus, and how the portal does with ten thousand of them.

`python -m benchmarks.rules` runs Prometheus and the portal one after the other: 2,000 series with a
sample each 5 s, 10,000 alerting rules in groups of a hundred, of which alerts fire and clear. Then
it asks for the admin's lists with very many rows. `--write` puts the figures into
docs/benchmarks.md. `--core` evaluates in one process alone, to see what a change does.
"""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import psutil

from benchmarks import rule_core, rule_pages
from benchmarks.ingest import machine, write_report
from benchmarks.rule_data import INTERVAL_SECONDS, MACHINES, RULE_SETS, SERIES_A_MACHINE, Machines
from benchmarks.rule_rows import delete_all_groups
from benchmarks.rule_running import Plan, Watched, fed, watch_portal, watch_prometheus
from benchmarks.systems import portal, prometheus


def run(
    plan: Plan, rule_sets: Sequence[str], parts: Sequence[str]
) -> Iterator[Watched | rule_pages.Page]:
    """Run what is asked for, one after the other; yield what came out of each."""
    machines = Machines()
    if "prometheus" in parts:
        with prometheus() as system, fed(system, machines):
            system.wait_until_idle()
            yield from watch_prometheus(system, plan, rule_sets)
    if "portal" in parts or "pages" in parts:
        with portal() as system:
            os.environ |= {
                "DATA_DIR": str(system.data_dir),
                "DJANGO_SETTINGS_MODULE": "observability.settings",
            }
            import django  # noqa: PLC0415 (settings are ready only now)

            django.setup()
            if "portal" in parts:
                with fed(system, machines):
                    system.wait_until_idle()
                    yield from watch_portal(system, plan, rule_sets)
            if "pages" in parts:
                delete_all_groups()
                system.wait_until_idle()
                yield from rule_pages.measure()


def _with_time_alone(one: Watched, plan: Plan) -> Watched:
    """Give the portal's row the time that a process takes which does nothing else."""
    seconds = rule_core.seconds_for_one(
        one.rule_set, rules=plan.rules, interval_seconds=plan.interval_seconds
    )
    return replace(one, busy_seconds=seconds * one.evaluations)


def section(
    plan: Plan, watched: Sequence[Watched], pages: Sequence[rule_pages.Page], *, load_before: float
) -> str:
    """Return the figures in Markdown, with the machine and the date."""
    texts = [
        "## Rules\n\n"
        f"`python -m benchmarks.rules --seconds {plan.seconds}` on {datetime.datetime.now(datetime.UTC):%d %B %Y}:"
        f" {machine()}; load average before the run {load_before:.1f}.\n"
    ]
    if watched:
        texts.append(_evaluations(plan, watched))
    if pages:
        texts.append(rule_pages.section(pages))
    return "\n".join(texts)


def _evaluations(plan: Plan, watched: Sequence[Watched]) -> str:
    lines = [
        f"{MACHINES * SERIES_A_MACHINE:,} series with a sample each {INTERVAL_SECONDS} s, {plan.rules:,} alerting rules in groups of a"
        f" hundred, each evaluated every {plan.interval_seconds} s; the systems run one after the other. Thresholds compare"
        " one gauge with a number; of the mixed rules 40 % do, 20 % are `rate`s of one counter, and 10 % each are"
        " `sum by (...) (rate(...))`, ratios of two such sums, `avg by` over 40 series and `max_over_time`. Windows are 1 minute.",
        "CPU is that of Prometheus, and of the portal's one timely worker with all of PostgreSQL, less what each used in the same"
        " time without rules; in brackets with that. In sequence is what Prometheus's groups took by its own account, and what one"
        " process of the portal's takes that does nothing else, from claims to commits.",
        "",
        "| Rules | System | Evaluations a CPU-second | To Prometheus | Rules/s in sequence | To Prometheus | Failed |"
        " Missed iterations | Alerts active | Of them began to fire |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    best = {one.rule_set: one for one in watched if one.system == "Prometheus"}
    lines += [_row(one, best.get(one.rule_set, one)) for one in watched]
    if lags := [one for one in watched if len(one.lags)]:
        lines += [
            "",
            "| Rules | Iterations of groups | Results recorded after they were due |",
            "| --- | ---: | --- |",
        ]
        lines += [f"| {one.rule_set} | {len(one.lags):,} | {_spread(one)} |" for one in lags]
    return "\n".join(lines) + "\n"


def _row(one: Watched, best: Watched) -> str:
    return (
        f"| {one.rule_set} | {one.system} | {one.rules_a_cpu_second:,.0f} ({one.rules_a_cpu_second_in_all:,.0f}) |"
        f" {one.rules_a_cpu_second / best.rules_a_cpu_second:.2f} | {one.rules_a_second:,.0f} |"
        f" {one.rules_a_second / best.rules_a_second:.2f} | {one.failed} | {one.missed} | {one.active:,} | {one.fired:,} |"
    )


def _spread(one: Watched) -> str:
    half, most, last = np.percentile(one.lags, [50, 99, 100])
    return f"median {half:.1f} s, 99 % within {most:.1f} s, at most {last:.1f} s"


def _report(arguments: argparse.Namespace) -> None:
    plan = Plan(
        rules=arguments.rules,
        interval_seconds=arguments.interval,
        seconds=max(round(arguments.seconds / arguments.interval), 1) * arguments.interval,
    )
    load_before = psutil.getloadavg()[0]
    watched, pages = [], []
    for one in run(plan, arguments.sets, arguments.parts):
        print(one, file=sys.stderr, flush=True)  # noqa: T201 (so that one sees that it goes on)
        if isinstance(one, Watched):
            watched.append(one)
        else:
            pages.append(one)
    watched = [_with_time_alone(one, plan) if one.system == "Portal" else one for one in watched]
    text = section(plan, watched, pages, load_before=load_before)
    print(text)  # noqa: T201 (a command's result)
    if arguments.write:
        write_report(text)


def _evaluate_alone(arguments: argparse.Namespace) -> None:
    with rule_core.own_servers():
        core = rule_core.Core(
            iterations=arguments.rounds * len(arguments.sets), interval_seconds=arguments.interval
        )
        for rule_set in arguments.sets:
            for one in core.rounds(rule_set, rules=arguments.rules, count=arguments.rounds):
                print(f"{rule_set}: {one}", flush=True)  # noqa: T201 (a command's result)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", action="store_true", help="only the evaluation, in one process")
    parser.add_argument("--rounds", type=int, default=5, help="with --core: evaluations of all")
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--sets", nargs="+", choices=list(RULE_SETS), default=list(RULE_SETS))
    parser.add_argument("--interval", type=int, default=15, help="seconds between evaluations")
    parser.add_argument("--seconds", type=int, default=120, help="how long each set is watched")
    parts = ["prometheus", "portal", "pages"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    # Ends the systems too, not only this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    if arguments.core:
        _evaluate_alone(arguments)
    else:
        _report(arguments)


if __name__ == "__main__":
    main()
