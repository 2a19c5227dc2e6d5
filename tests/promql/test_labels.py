from hypothesis import given
from hypothesis import strategies as st

from observability.promql.labels import (
    drop_labels,
    format_labels,
    format_metric,
    keep_labels,
    label_set,
    label_value,
)

NAMES = st.sampled_from("abcdef")
LABELS = st.dictionaries(NAMES, st.sampled_from(["", "1", "2"])).map(label_set)


@given(LABELS, st.sets(NAMES))
def test_what_is_kept_and_what_is_dropped_make_up_the_label_set(
    labels: tuple[tuple[str, str], ...], names: set[str]
) -> None:
    kept, dropped = keep_labels(labels, names), drop_labels(labels, names)

    assert label_set(dict(kept + dropped)) == labels
    assert all(name in names for name, _ in kept)


def test_a_label_set_is_sorted_and_has_no_empty_value() -> None:
    labels = label_set({"job": "a", "__name__": "up", "zone": ""})

    assert labels == (("__name__", "up"), ("job", "a"))
    assert label_value(labels, "zone") == ""


def test_labels_are_written_as_prometheus_writes_them() -> None:
    labels = label_set({"__name__": "up", "job": 'a"b', "with.dot": "c"})

    assert format_metric(labels) == 'up{job="a\\"b", "with.dot"="c"}'
    assert format_labels(()) == "{}"
    assert format_metric(label_set({"__name__": "my.metric"})) == '{"my.metric"}'
