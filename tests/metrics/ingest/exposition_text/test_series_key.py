"""The keys of series lines stand for labels."""

from __future__ import annotations

import pytest

from observability.metrics.ingest.exposition_text.series_key import decode_key
from observability.metrics.ingest.series_labels import UnacceptableSeriesError
from observability.promql.labels import METRIC_NAME


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        (b"up", {}),
        (b"up{}", {}),
        (b"up { }", {}),
        (b'up{a="b",c=""}', {"a": "b", "c": ""}),
        (b'up{a="x\\\\n\\n\\"\\t\\\\"}', {"a": 'x\\n\n"\\t\\'}),
        (b'{"up",a="b"}', {"a": "b"}),
        (b'{a="b","up"}', {"a": "b"}),
        (b'up{"a.b"="c", d = "e" ,}', {"a.b": "c", "d": "e"}),
    ],
)
def test_a_key_stands_for_labels(key: bytes, labels: dict[str, str]) -> None:
    assert decode_key(key) == {METRIC_NAME: "up", **labels}


@pytest.mark.parametrize("key", [b'up{a="1",a="1"}', b'up{__name__="up"}'], ids=["label", "name"])
def test_a_label_that_stands_twice_is_refused(key: bytes) -> None:
    with pytest.raises(UnacceptableSeriesError, match="stands twice in"):
        decode_key(key)
