"""Rules of one family, against the same rules asked one by one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.models import RuleGroup
from alerts.rules.answers import answer, family_answers
from alerts.rules.families import families, member_of
from alerts.rules.plans import GroupPlan, planned_family
from observability.promql import Engine, MemoryStorage, parse
from observability.promql.syntax import Expr
from observability.promql.values import Value

AT_MS = 600_000
HOSTS = ("a.b", "a+b", "c")
ENGINE = Engine()


def storage() -> MemoryStorage:
    held = MemoryStorage()
    for number, host in enumerate(HOSTS):
        for job in ("api", "web"):
            for code in ("200", "500"):
                labels = {"__name__": "m", "host": host, "job": job, "code": code}
                slope = number + len(job) + len(code) * int(code) / 100
                held.add(labels, [(at, slope * at / 1000) for at in range(0, AT_MS + 1, 15_000)])
        held.add({"__name__": "limit", "host": host, "job": "api"}, [(AT_MS, 4.0 * number)])
    return held


STORAGE = storage()


def ask(expr: Expr, at_ms: int) -> Value:
    return ENGINE.query(expr, at_ms=at_ms, storage=STORAGE).value


def answers(texts: Sequence[str]) -> tuple[dict[int, object], int]:
    """What each expression gives as a member of its family, and how many families there are."""
    found = families((place, member_of(parse(text))) for place, text in enumerate(texts))
    planned = [planned_family(members) for members in found.values()]
    plan = GroupPlan(
        version=0,
        group=RuleGroup(name="G"),
        rules=(),
        families=planned,
        dependent=frozenset(),
        looks=(),
    )
    given_ = family_answers(plan, ask, at_ms=AT_MS)
    return {place: sorted(one.vector) for place, one in given_.items()}, len(planned)


@pytest.mark.parametrize(
    "template",
    [
        'm{{host="{host}"}} > {limit}',
        'm{{host="{host}",job="api"}} <= {limit}',
        'rate(m{{host="{host}"}}[5m]) != {limit}',
        'sum(rate(m{{host="{host}"}}[5m])) > {limit}',
        'sum by (job) (m{{host="{host}",code="500"}}) >= {limit}',
        'avg without (host, code) (m{{host="{host}"}}) > {limit}',
        'max by (host) (m{{host="{host}"}}) > {limit}',
        'sum(rate(m{{host="{host}",code="500"}}[5m])) / sum(rate(m{{host="{host}",code="500"}}[5m])) > {limit}',
        'm{{host="{host}"}} - on (job) group_left () limit{{host="{host}"}} > {limit}',
        'm{{host="{host}",code="500"}} > on (job) limit{{host="{host}"}}',
        'm{{host="{host}"}} and on (job) limit{{host="{host}"}} > {limit}',
        'm{{host="{host}"}} unless ignoring (code) limit{{host="{host}"}}',
        'max_over_time(sum by (job) (m{{host="{host}"}})[5m:1m]) > {limit}',
        'topk(1, m{{host="{host}"}}) > {limit}',
        'absent(m{{host="{host}"}})',
        'm{{host="{host}"}} or limit{{host="{host}"}}',
        'clamp_max(-m{{host="{host}"}} * 2, {limit})',
        'quantile(0.5, m{{host="{host}"}}) > {limit}',
        'm{{host=~"{host}"}} > {limit}',
        'm > {limit}',
        '{limit} < m{{host="{host}"}}',
        'm{{host="{host}"}} > bool {limit}',
        'count(m{{host="{host}"}} > {limit}) > 1',
    ],
)  # fmt: skip
def test_each_rule_gets_what_it_gets_by_itself(template: str) -> None:
    texts = [
        template.format(host=host.replace("\\", "\\\\"), limit=limit)
        for host in HOSTS
        for limit in (0, 2500.5)
    ]

    together, _ = answers(texts)

    assert together == {
        place: sorted(answer(parse(text), ask, at_ms=AT_MS).vector)
        for place, text in enumerate(texts)
    }


def test_rules_that_differ_in_labels_and_thresholds_are_one_family() -> None:
    texts = [f'rate(m{{host="{host}"}}[5m]) > {limit}' for host in HOSTS for limit in (1, 2)]

    _, count = answers(texts)

    assert count == 1


def test_other_windows_and_operators_are_other_families() -> None:
    _, count = answers(["rate(m[5m]) > 1", "rate(m[6m]) > 1", "rate(m[5m]) < 1"])

    assert count == 3


LABELS = st.sampled_from(["host", "job", "code"])
SELECTORS = st.sampled_from(
    ['m{host="c"}', 'm{host="a.b",job="api"}', 'm{host="c",code="500"}', "m", 'limit{host="c"}']
)
VECTORS = st.recursive(
    SELECTORS,
    lambda inner: st.one_of(
        st.builds("sum by ({}) ({})".format, LABELS, inner),
        st.builds("max without ({}) ({})".format, LABELS, inner),
        st.builds("avg({})".format, inner),
        st.builds("abs({})".format, inner),
        st.builds("({} * 2)".format, inner),
        st.builds("({} > 100)".format, inner),
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} and on ({}) {})".format, inner, LABELS, inner),
        st.builds("({} / ignoring ({}) {})".format, inner, LABELS, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(text=VECTORS)
def test_any_expression_gives_the_same_in_its_family(text: str) -> None:
    try:
        alone = sorted(answer(parse(text), ask, at_ms=AT_MS).vector)
    except Exception:  # noqa: BLE001 (what has no value alone is asked alone)
        return
    others = [text.replace('"c"', '"a+b"'), text.replace('"c"', '"a.b"')]

    together, _ = answers([text, *others])

    assert 0 not in together or together[0] == alone
