"""What the page of a backtest shows: words, numbers, the timeline and the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.db.models.fields.json import KT
from django.urls import reverse

from alerts.models import Backtest, BacktestStatus
from alerts.rules.backtesting.definitions import threshold_in
from alerts.rules.moments import moment
from observability.promql.durations import format_duration
from observability.promql.go_floats import plain

ROWS_SHOWN = 50
"""Rows of the timeline; the table has all."""

EPISODES_ON_PAGE = 25
_OTHERS_SHOWN = 8
_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One number at the top of the page."""

    title: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One line of the table of episodes."""

    labels: list[tuple[str, str]]
    active_at: object
    fired_at: object
    over_at: object
    lasted: str
    peak: str
    query_url: str


def rounded(duration_ms: float) -> str:
    """Return a duration in words, with two units at most."""
    duration_ms = int(duration_ms)
    unit = 1_000
    if duration_ms >= 2 * _DAY_MS:
        unit = _HOUR_MS
    elif duration_ms >= 2 * _HOUR_MS:
        unit = _MINUTE_MS
    text = format_duration(round(duration_ms / unit) * unit)
    return text.replace("d", "d ").replace("h", "h ").replace("m", "m ").strip()


def percent(share: float) -> str:
    """Return a share in percent."""
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    return f"{share:.1%}".replace("%", " %").replace(".0 ", " ")


def times(number: int) -> str:
    """Return how often something was."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number:,} times")


def verdict(result: Mapping[str, Any]) -> str:
    """Return one sentence on what a backtest has found."""
    totals = result["totals"]
    length = _in_words(result["covered_ms"] - result["start_ms"])
    if totals["fired"]:
        words = (
            f"It would have fired {times(totals['fired'])} in {length}, "
            f"and been firing {percent(totals['share'])} of the time."
        )
        if totals["flapping"]:
            which = "One of its alerts flaps" if totals["flapping"] == 1 else f"{totals['flapping']:,} of its alerts flap"  # fmt: skip
            words += f" {which}: a longer “for” or “keep firing for” would make it quieter."
        return words
    words = f"It would not have fired in {length}."
    if totals["longest_pending_ms"] is not None:
        return f"{words} Alerts were pending for {rounded(totals['longest_pending_ms'])} at most."
    if miss := result["nearest_miss"]:
        words += (
            f" The nearest that it came was {_number(miss['value'])}, "
            f"with {miss['operator']} {_number(miss['threshold'])} wanted."
        )
    return words


def facts(result: Mapping[str, Any]) -> list[Fact]:
    """Return the numbers at the top."""
    totals = result["totals"]
    if not totals["fired"]:
        return []
    alerts = totals["alerts"]
    return [
        Fact(
            title="Fired",
            value=f"{totals['fired']:,}",
            detail=f"{_few_digits(totals['per_day'])} a day",
        ),
        Fact(
            title="Time firing",
            value=percent(totals["share"]),
            detail=f"{rounded(totals['any_firing_ms'])} in all",
        ),
        Fact(
            title="Longest",
            value=rounded(totals["longest_ms"]),
            detail=f"half of them {rounded(totals['median_ms'])} or less",
        ),
        Fact(
            title="Alerts",
            value=f"{alerts:,}",
            detail=f"{totals['at_once']:,} at once at most",
        ),
        Fact(
            title="Flapping",
            value=f"{totals['flapping']:,}" if totals["flapping"] else "none",
            detail="fired 4 times within an hour",
        ),
        Fact(
            title="Only pending",
            value=f"{totals['pending_only']:,}",
            detail="over before they fired",
        ),
    ]


def timeline(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what the chart draws: a row for each alert, those that fired longest first."""
    sets = result["label_sets"]
    order = sorted(
        range(len(sets)),
        key=lambda place: (-sets[place]["firing_ms"], -sets[place]["pending_only"], place),
    )[:ROWS_SHOWN]
    rows = {place: row for row, place in enumerate(order)}
    shared = _shared_labels([one["labels"] for one in sets])
    return {
        "start": result["start_ms"],
        "end": result["covered_ms"],
        "rows": [_row_name(sets[place]["labels"], shared) or name for place in order],
        "flapping": [sets[place]["is_flapping"] for place in order],
        "spans": [
            [
                rows[one["label_set"]],
                one["active_ms"],
                one["fired_ms"],
                one["over_ms"],
                _number(one["peak"]),
            ]
            for one in result["episodes"]
            if one["label_set"] in rows
        ],
        "hidden": max(len(sets) - ROWS_SHOWN, 0),
    }


def episode_rows(backtest: Backtest, number: str) -> Page[Any]:
    """Return a page of the table, latest first: those that fired, or all when none did."""
    result: dict[str, Any] = backtest.result or {}
    episodes = result["episodes"]
    fired = [one for one in episodes if one["fired_ms"] is not None]
    chosen = sorted(fired or episodes, key=lambda one: one["active_ms"], reverse=True)
    page = Paginator(chosen, EPISODES_ON_PAGE).get_page(number)
    expr = judged(backtest)
    shared = _shared_labels([one["labels"] for one in result["label_sets"]])
    page.object_list = [_episode_row(one, result, expr, shared) for one in page.object_list]
    return page


def judged(backtest: Backtest) -> str:
    """Return the expression whose graph shows why a rule fires: without its threshold, if it has one."""
    threshold = threshold_in(backtest.definition)
    return str(threshold.watched) if threshold else str(backtest.definition["expr"])


def _episode_row(
    one: Mapping[str, Any], result: Mapping[str, Any], expr: str, shared: set[tuple[str, str]]
) -> EpisodeRow:
    labels = result["label_sets"][one["label_set"]]["labels"]
    end_ms = result["covered_ms"] if one["over_ms"] is None else one["over_ms"]
    begin_ms = one["active_ms"] if one["fired_ms"] is None else one["fired_ms"]
    return EpisodeRow(
        labels=[pair for pair in labels.items() if pair not in shared],
        active_at=moment(one["active_ms"]),
        fired_at=None if one["fired_ms"] is None else moment(one["fired_ms"]),
        over_at=None if one["over_ms"] is None else moment(one["over_ms"]),
        lasted=rounded(end_ms - begin_ms),
        peak=_number(one["peak"]),
        query_url=query_url(expr, one["active_ms"], end_ms),
    )


def query_url(expr: str, start_ms: int, end_ms: int) -> str:
    """Return the address of the query page around a time."""
    around_ms = max(end_ms - start_ms, 30 * _MINUTE_MS)
    range_ms = -(-(end_ms - start_ms + 2 * around_ms) // _MINUTE_MS) * _MINUTE_MS
    parameters = {
        "expr": expr,
        "range": format_duration(range_ms),
        "end": (end_ms + around_ms) // 1000,
    }
    return f"{reverse('metrics-query')}?{urlencode(parameters)}"


def other_backtests(backtest: Backtest) -> QuerySet[Backtest]:
    """Return the latest other backtests of the same rule, with what they found."""
    if backtest.rule_id is not None:
        same = Backtest.objects.filter(rule=backtest.rule_id)
    else:
        same = Backtest.objects.filter(
            rule=None,
            created_by=backtest.created_by_id,
            definition__name=backtest.definition["name"],
        )
    return with_totals(same.exclude(pk=backtest.pk).filter(status=BacktestStatus.DONE))[
        :_OTHERS_SHOWN
    ]


def with_totals(rows: QuerySet[Backtest]) -> QuerySet[Backtest]:
    """Return backtests with `fired` and `share` as text, and without their large fields."""
    return rows.annotate(
        fired=KT("result__totals__fired"), share=KT("result__totals__share")
    ).defer("result", "state")


def _shared_labels(sets: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Return the labels that tell none of several alerts from another; of one alert, its name's."""
    if len(sets) == 1:
        return {("alertname", sets[0].get("alertname", ""))}
    shared = set(sets[0].items()) if sets else set()
    for labels in sets[1:]:
        shared &= set(labels.items())
    return shared


def _row_name(labels: Mapping[str, str], shared: set[tuple[str, str]]) -> str:
    return ", ".join(
        f'{name}="{value}"' for name, value in labels.items() if (name, value) not in shared
    )


def _number(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return plain(float(f"{value:.6g}"))


def _few_digits(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"


def _in_words(duration_ms: int) -> str:
    days, rest_ms = divmod(duration_ms, _DAY_MS)
    if days and rest_ms < _MINUTE_MS:
        return "1 day" if days == 1 else f"{days} days"
    return rounded(duration_ms)
