"""OpenTelemetry's names as Prometheus writes them.

Source: the strategy `UnderscoreEscapingWithSuffixes`, Prometheus 3's default for OTLP
(prometheus/otlptranslator), after the OpenTelemetry specification's "Prometheus and OpenMetrics
compatibility".
"""

from __future__ import annotations

import re
from functools import lru_cache

_UNITS = {
    # Time
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    # Bytes
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    # SI
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    # Others
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
# Behind the stroke a letter means something else: `m` is a minute there.
_PER_UNITS = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
# As long as OpenTelemetry's API lets a unit be; what is longer is cut.
_MAX_UNIT_LENGTH = 63

_NOT_OF_A_METRIC_NAME = re.compile(r"[^a-zA-Z0-9:]+")
_OF_A_METRIC_NAME = re.compile(r"[a-zA-Z0-9:]")
_NOT_OF_A_LABEL_NAME = re.compile(r"[^a-zA-Z0-9_]")


def metric_name(name: str, unit: str, *, is_counter: bool = False, is_gauge: bool = False) -> str:
    """Return the name of a metric with its unit and kind as endings, '' when nothing is left of it.

    Args:
        name: Such as `http.server.request.duration`.
        unit: In UCUM, such as `s`, `By/s` or `{request}`.
        is_counter: It is a monotonic sum.
        is_gauge: It is a gauge; a sum that may fall is none.
    """
    words = [word for word in _NOT_OF_A_METRIC_NAME.split(name) if word]
    main, per = _unit_parts(unit[:_MAX_UNIT_LENGTH])
    if main in words:
        main = ""
    per = per.removesuffix("_")
    if per == "per" or per in words:
        per = ""
    if per:
        main = main.removesuffix("_")
    words += [word for word in (main, per) if word]
    if is_counter:
        words = [word for word in words if word != "total"] + ["total"]
    if is_gauge and unit == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    joined = "_".join(words)
    return f"_{joined}" if joined[:1].isdigit() else joined


def can_be_named(name: str) -> bool:
    """Say whether anything of a metric's name is left in Prometheus's spelling."""
    return _OF_A_METRIC_NAME.search(name) is not None


def unit_name(unit: str) -> str:
    """Return a unit in words, such as `bytes_per_second`; '' for one without a dimension."""
    words = "_".join(part for part in _unit_parts(unit[:_MAX_UNIT_LENGTH]) if part)
    return words.removeprefix("_").removesuffix("_")


def label_name(attribute: str) -> str:
    """Return the label that an attribute becomes, '' when nothing is left of it.

    Two underscores at the beginning belong to Prometheus; where it would leave them, so that the
    store would refuse the series, `key` comes before them as before a single one.
    """
    label = _NOT_OF_A_LABEL_NAME.sub("_", attribute)
    if not label.strip("_"):
        return ""
    if label[0].isdigit():
        return f"key_{label}"
    return f"key{label}" if label[0] == "_" else label


@lru_cache(maxsize=1_000)
def _unit_parts(unit: str) -> tuple[str, str]:
    """Return a unit's parts before and behind the stroke; annotations in braces say nothing."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    main = "" if set("{}") & set(main) else _UNITS.get(main, main)
    per = "" if set("{}") & set(per) else _PER_UNITS.get(per, per)
    return _as_words(main), _as_words(f"per_{per}" if per else "")


def _as_words(unit: str) -> str:
    return re.sub("_+", "_", _NOT_OF_A_METRIC_NAME.sub("_", unit)).removeprefix("_")
