"""Samples in Prometheus's text format 0.0.4.

Source: prometheus/common, expfmt/text_create.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from observability.metrics.prometheus_api.escaping import Escaping, escape_name
from observability.metrics.store.newest import NewestSample
from observability.promql.go_floats import shortest
from observability.promql.labels import METRIC_NAME, is_legacy_metric_name

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SAMPLES_PER_PART = 500


def content_type(escaping: Escaping) -> str:
    """Return what an answer in the format is."""
    return f"text/plain; version=0.0.4; charset=utf-8; escaping={escaping}"


def untyped_text(samples: Iterable[NewestSample], escaping: Escaping) -> Iterator[bytes]:
    """Yield lines for samples that come metric by metric, with their times; what type they are is not said."""
    lines: list[str] = []
    last_name = ""
    for sample in samples:
        labels = dict(sample.labels)
        name = escape_name(labels.pop(METRIC_NAME), escaping)
        if name != last_name:
            lines.append(f"# TYPE {_name(name)} untyped\n")
            last_name = name
        # Says to whoever federates that there is none, and not to add that of the portal.
        labels.setdefault("instance", "")
        pairs = ",".join(
            f"{_label_name(escape_name(label, escaping))}={_quote(value)}"
            for label, value in labels.items()
        )
        series = (
            f"{name}{{{pairs}}}" if is_legacy_metric_name(name) else f"{{{_quote(name)},{pairs}}}"
        )
        lines.append(f"{series} {shortest(sample.value)} {sample.timestamp_ms}\n")
        if len(lines) >= _SAMPLES_PER_PART:
            yield "".join(lines).encode()
            lines = []
    yield "".join(lines).encode()


def _name(name: str) -> str:
    return name if is_legacy_metric_name(name) else _quote(name)


def _label_name(name: str) -> str:
    return name if _LABEL_NAME.fullmatch(name) else _quote(name)


def _quote(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'"{escaped}"'
