"""The key of a series line, `name{labels}`, and the labels that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from observability.metrics.ingest.exposition_text.grammar import ITEM
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.promql.labels import METRIC_NAME, LabelSet, drop_metric_name, label_value

ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_ESCAPE = re.compile(r"\\.", re.DOTALL)


def decode_key(key: bytes) -> dict[str, str]:
    """Return the labels of a key of an `Exposition`, the metric's name as `__name__`.

    Raises:
        UnacceptableSeriesError: A label stands there twice.
    """
    name, brace, braces = key.partition(b"{")
    labels = {METRIC_NAME: name.rstrip().decode()} if name else {}
    if not brace:
        return labels
    for item in ITEM.finditer(braces):
        label = METRIC_NAME if item[1] is None else unquote(item[1])
        if label in labels:
            raise UnacceptableSeriesError(
                f"the label {label!r} stands twice in {key.decode()[:200]!r}"
            )
        labels[label] = unquote(item[2])
    return labels


def encode_key(labels: LabelSet) -> bytes:
    """Return the key of a label set; equal label sets have equal keys."""
    pairs = ",".join(f"{name}={_quote(value)}" for name, value in drop_metric_name(labels))
    return f"{label_value(labels, METRIC_NAME)}{{{pairs}}}".encode()


def unquote(token: bytes) -> str:
    """Return the text of a name or of a quoted string."""
    text = token.decode()
    return unescape(text[1:-1]) if text.startswith('"') else text


def unescape(text: str, escapes: Mapping[str, str] = ESCAPES) -> str:
    """Return `text` with escapes replaced; as in Prometheus, other backslashes stay."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda escape: escapes.get(escape[0], escape[0]), text)


def _quote(text: str) -> str:
    for escape, plain in ESCAPES.items():
        text = text.replace(plain, escape)
    return f'"{text}"'
