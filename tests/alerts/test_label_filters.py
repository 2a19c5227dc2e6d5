from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.label_filters import matcher_text, matching, parse_matchers
from alerts.models import Alert
from observability.promql.errors import PromQLError
from observability.promql.matchers import Matcher, MatchOp
from tests.alerts.factories import AlertFactory


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("", ""),
        ('instance=~"web.*"', 'instance=~"web.*"'),
        ('{job="node", instance!="a"}', 'job="node", instance!="a"'),
        ("hall=2", 'hall="2"'),
        ("hall = 2, job!~db.*", 'hall="2", job!~"db.*"'),
        ('job=""', 'job=""'),
        ('a="x,y"', 'a="x,y"'),
        ("{}", ""),
    ],
)
def test_matchers_are_read_as_people_type_them(typed: str, written: str) -> None:
    assert matcher_text(parse_matchers(typed)) == written


@pytest.mark.parametrize("typed", ["job", 'job="', 'job=~"("', "= x", 'job="a" or b', "}{"])
def test_what_is_no_list_of_matchers_is_refused(typed: str) -> None:
    with pytest.raises(PromQLError):
        parse_matchers(typed)


@given(
    st.lists(
        st.builds(
            Matcher,
            st.from_regex("[a-z_]{1,8}", fullmatch=True),
            st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]),
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
        ),
        max_size=3,
    )
)
def test_matchers_are_read_as_they_are_written(matchers: list[Matcher]) -> None:
    assert list(parse_matchers(matcher_text(matchers))) == matchers


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ('instance="web-1"', ["web-1"]),
        ('instance!="web-1"', ["", "db-1", "web-2"]),
        ('instance=~"web.*"', ["web-1", "web-2"]),
        ('instance=~"web-1|db-1"', ["db-1", "web-1"]),
        ('instance!~"web-1|db-1"', ["", "web-2"]),
        ('instance!~"web.*"', ["", "db-1"]),
        ('instance=~"web"', []),
        ('instance=~".+"', ["db-1", "web-1", "web-2"]),
        ('instance=~".*"', ["", "db-1", "web-1", "web-2"]),
        ('instance=~"(?i)WEB-[[:digit:]]"', ["web-1", "web-2"]),
        ('instance=""', [""]),
        ('instance!=""', ["db-1", "web-1", "web-2"]),
        ('instance=~"web.*", instance!="web-1"', ["web-2"]),
        ('absent="x"', []),
        ('absent!="x"', ["", "db-1", "web-1", "web-2"]),
    ],
)
def test_alerts_are_found_by_their_labels(typed: str, found: list[str]) -> None:
    for instance in ("web-1", "web-2", "db-1"):
        AlertFactory.create(labels={"alertname": "Slow", "instance": instance})
    AlertFactory.create(labels={"alertname": "Slow"})

    alerts = matching(Alert.objects.all(), parse_matchers(typed))

    assert sorted(alert.labels.get("instance", "") for alert in alerts) == found
