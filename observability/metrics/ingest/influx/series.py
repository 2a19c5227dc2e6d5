"""How a series of line protocol is named here: metric and labels in place of measurement, tags and field.

The metric's name is `measurement_field`, as in VictoriaMetrics; characters that a name must not
have become `_`.
"""

from __future__ import annotations

import re

from observability.metrics.ingest.influx.grammar import MEASUREMENT, NAME, TAG
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.promql.labels import METRIC_NAME

_KEY = re.compile(rb"(" + MEASUREMENT + rb")((?:," + TAG + rb")*+) (" + NAME + rb")")
_TAGS = re.compile(rb",(" + NAME + rb")=(" + NAME + rb")")
_ESCAPED = re.compile(r"\\([,= \\])")
_NOT_IN_METRIC_NAMES = re.compile(r"[^a-zA-Z0-9_:]")
_NOT_IN_LABEL_NAMES = re.compile(r"[^a-zA-Z0-9_]")


def labels_of(key: bytes) -> dict[str, str]:
    """Return the labels of a series.

    Args:
        key: As `parts_of` takes it.

    Raises:
        UnacceptableSeriesError: Something is not UTF-8, or two tags get the same name.
    """
    measurement, tags, field = parts_of(key)
    name = "_".join(part for part in (measurement, field) if part)
    labels = {METRIC_NAME: _name(_NOT_IN_METRIC_NAMES, name)}
    for tag, value in tags:
        label = _name(_NOT_IN_LABEL_NAMES, tag)
        if label in labels:
            raise UnacceptableSeriesError(f"the label {label[:100]!r} is there twice")
        labels[label] = value
    return labels


def parts_of(key: bytes) -> tuple[str, list[tuple[str, str]], str]:
    """Return measurement, tags and field of a series, without backslashes before special characters.

    Args:
        key: Measurement and tags as they stand on the line, a blank, the field's name.

    Raises:
        UnacceptableSeriesError: Something is not UTF-8.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        raise UnacceptableSeriesError("a series is not line protocol")
    tags = [(_text(name), _text(value)) for name, value in _TAGS.findall(match[2])]
    return _text(match[1]), tags, _text(match[3])


def _name(forbidden: re.Pattern[str], text: str) -> str:
    name = forbidden.sub("_", text)
    return f"_{name}" if name[:1].isdigit() else name


def _text(part: bytes) -> str:
    try:
        text = part.decode()
    except UnicodeDecodeError as error:
        raise UnacceptableSeriesError("a name or tag is not valid UTF-8") from error
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
