"""Rule files of any content that a file can have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from alerts.rules.condition import (
    Comparison,
    Fold,
    WindowFunction,
    compile_condition,
    compile_resolution,
    read_condition,
)
from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.states import Otherwise

# What PostgreSQL can keep and YAML can say.
texts = st.text(
    st.one_of(
        st.characters(exclude_characters="\x00", exclude_categories=["Cs"]),
        st.sampled_from("\n\n  \t:#'\"{}[]|>-%@`&*!?,~"),
    ),
    max_size=60,
)
awkward = st.sampled_from(
    [
        "y",
        "no",
        "null",
        "~",
        "0o17",
        "1e3",
        ".inf",
        "2026-03-01",
        "<<",
        "=",
        "- a",
        "a: b",
        "a #b",
        "|",
        "\n",
        "a\n",
        "a\n\n",
        " a\nb",
        "a\n b\n",
        "a \nb",
        "\ufeffa",
        "a\x85b",
        "\u2028",
        "a\tb\n\tc",
        "é\U0001f600",
    ]
)
values = texts | awkward
names = values.filter(bool)
durations = st.one_of(st.just(0), st.integers(1, 10**12))
label_names = names.filter(lambda name: name != "__name__")
labels = st.dictionaries(label_names, values.map(lambda text: text.replace("{{", "{")), max_size=3)
exprs = st.sampled_from(
    [
        "up == 0",
        "up == 0\n",
        "sum by (job) (\n  rate(a_total[5m])\n)\n  > 1",
        "\n up",
        'up{a="\\u00e9 # x: y"}',
        "  up == 0  ",
        "# why\nup\n",
    ]
)
otherwise = st.sampled_from(Otherwise)


@st.composite
def forms(draw: Any) -> dict[str, Any]:
    function = draw(st.none() | st.sampled_from(list(WindowFunction)))
    fold = draw(st.none() | st.sampled_from(list(Fold)))
    threshold = draw(st.floats(allow_nan=False, allow_infinity=False))
    comparison = draw(st.sampled_from(list(Comparison)))
    can_resolve = comparison not in (Comparison.EQUAL, Comparison.NOT_EQUAL)
    return read_condition(
        {
            "metric": draw(st.sampled_from(["up", "a:b", "node_load1"])),
            "filters": draw(
                st.lists(
                    st.fixed_dictionaries(
                        {
                            "label": st.sampled_from(["job", "a"]),
                            "operator": st.sampled_from(["=", "!="]),
                            "value": values,
                        }
                    ),
                    max_size=2,
                )
            ),
            "function": function,
            "window": draw(st.sampled_from(["5m", "1h30m"])),
            "aggregation": fold,
            "by": ["job"] if fold else [],
            "operator": comparison,
            "threshold": threshold,
            "resolve_threshold": threshold if can_resolve and draw(st.booleans()) else None,
        }
    ).as_form()


@st.composite
def alerting_rules(draw: Any) -> FileRule:
    form = draw(st.none() | forms())
    condition = read_condition(form) if form else None
    return FileRule(
        alert=draw(names),
        expr=compile_condition(condition) if condition else draw(exprs),
        hold_ms=draw(durations),
        keep_firing_ms=draw(durations),
        labels=draw(labels),
        annotations=draw(labels),
        resolve_expr=compile_resolution(condition) if condition else draw(st.just("") | exprs),
        on_no_data=draw(otherwise),
        on_error=draw(otherwise),
        enabled=draw(st.booleans()),
        form=form,
    )


recording_rules = st.builds(
    FileRule,
    record=st.sampled_from(["job:up:sum", "a", "é"]),
    expr=exprs,
    labels=labels,
    enabled=st.booleans(),
)
groups = st.builds(
    FileGroup,
    name=names,
    interval_ms=st.none() | st.integers(1_000, 86_400_000),
    query_offset_ms=st.none() | durations,
    limit=st.integers(0, 10**6),
    labels=labels,
    owner=values,
    enabled=st.booleans(),
    rules=st.lists(alerting_rules() | recording_rules, max_size=3),
)
