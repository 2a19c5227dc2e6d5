"""Panels: what one chart of a dashboard shows, and how a dashboard's JSON describes them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from observability.promql.errors import PromQLError
from observability.promql.parser import parse

MAX_PANELS = 100


class Unit(StrEnum):
    """How the values of a panel are written."""

    NUMBER = ""
    PERCENT = "percent"
    RATIO = "ratio"
    BYTES = "bytes"
    BYTES_PER_SECOND = "bytes-per-second"
    SECONDS = "seconds"
    PER_SECOND = "per-second"


class Panel(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One chart.

    Attributes:
        title: What stands above it.
        expr: The PromQL expression it draws.
        unit: How its values are written.
        legend: A series' name, with places such as `{{instance}}`; empty: all its labels.
        stack: Whether the lines are put on top of each other.
    """

    title: str
    expr: str
    unit: Unit = Unit.NUMBER
    legend: str = ""
    stack: bool = False


class DashboardConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a dashboard shows.

    Attributes:
        panels: Its charts, in order.
        range_seconds: How far back it looks when it is opened.
        refresh_seconds: How often it asks again; 0 for never.
    """

    panels: list[Panel] = []
    range_seconds: int = 3600
    refresh_seconds: int = 15


def read_config(config: Any) -> DashboardConfig:
    """Return a dashboard's configuration from its JSON.

    Raises:
        ValueError: It is not a configuration, or an expression is not PromQL; it names the place.
    """
    try:
        read = msgspec.convert(config, DashboardConfig)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if len(read.panels) > MAX_PANELS:
        raise ValueError(
            f"a dashboard has at most {MAX_PANELS} panels; this has {len(read.panels)}"
        )
    for number, panel in enumerate(read.panels):
        try:
            parse(panel.expr)
        except PromQLError as error:
            raise ValueError(f"{error} - at `$.panels[{number}].expr`") from error
    return read
