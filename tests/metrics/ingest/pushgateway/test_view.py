"""`/metrics/job/...` as pushing jobs use it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from django.conf import LazySettings
from django.test import Client

from observability.metrics.ingest.pushgateway import families
from observability.metrics.ingest.pushgateway.models import PushGroup, PushLifetime
from observability.metrics.models import Metric

from .pushes import push, samples, values, writer

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> dict[str, str]:
    return writer()


def test_a_push_is_recorded_with_its_grouping_labels(client: Client, key: dict[str, str]) -> None:
    body = '# TYPE done counter\n# HELP done Jobs.\ndone{queue="a"} 3\ndone{queue="b"} 4\n'

    answer = push(client, "PUT", "job/backup/instance/db1", body, headers=key)

    assert (answer.status_code, answer.content) == (200, b"")
    assert values() == {
        'done{instance="db1",job="backup",queue="a"}': [3.0],
        'done{instance="db1",job="backup",queue="b"}': [4.0],
    }
    done = Metric.objects.get(name="done")
    assert (done.type, done.help) == ("counter", "Jobs.")


def test_a_push_says_when_it_came(client: Client, key: dict[str, str]) -> None:
    push(client, "PUT", "job/a", "b 1\n", headers=key)

    pushed_at = PushGroup.objects.get().pushed_at
    assert pushed_at is not None
    assert values("push_") == {
        'push_time_seconds{job="a"}': [pushed_at.timestamp()],
        'push_failure_time_seconds{job="a"}': [0.0],
    }


def test_put_replaces_the_whole_group_and_ends_what_went(
    client: Client, key: dict[str, str]
) -> None:
    push(client, "PUT", "job/a", 'x{n="1"} 1\nx{n="2"} 2\ny 3\n', headers=key)

    push(client, "PUT", "job/a", 'x{n="1"} 5\nz 6\n', headers=key)

    assert values() == {
        'x{job="a",n="1"}': [1.0, 5.0],
        'x{job="a",n="2"}': [2.0, "ended"],
        'y{job="a"}': [3.0, "ended"],
        'z{job="a"}': [6.0],
    }
    group = PushGroup.objects.get()
    assert (group.series_count, [m.name for m in group.metrics.all()]) == (2, ["x", "z"])


def test_post_replaces_metrics_of_the_same_name(client: Client, key: dict[str, str]) -> None:
    push(client, "POST", "job/a", 'x{n="1"} 1\nx{n="2"} 2\ny 3\n', headers=key)

    push(client, "POST", "job/a", 'x{n="1"} 5\nz 6\n', headers=key)

    assert values() == {
        'x{job="a",n="1"}': [1.0, 5.0],
        'x{job="a",n="2"}': [2.0, "ended"],
        'y{job="a"}': [3.0],
        'z{job="a"}': [6.0],
    }
    assert PushGroup.objects.get().series_count == 3


def test_a_histogram_is_replaced_as_a_whole(client: Client, key: dict[str, str]) -> None:
    histogram = '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 2\nh_count 1\n'
    push(client, "PUT", "job/a", histogram, headers=key)

    push(client, "POST", "job/a", '# TYPE h histogram\nh_bucket{le="+Inf"} 4\n', headers=key)

    assert values("h_") == {
        'h_bucket{job="a",le="+Inf"}': [1.0, 4.0],
        'h_sum{job="a"}': [2.0, "ended"],
        'h_count{job="a"}': [1.0, "ended"],
    }


def test_an_empty_put_empties_the_group_and_keeps_it(client: Client, key: dict[str, str]) -> None:
    push(client, "PUT", "job/a", "x 1\n", headers=key)

    assert push(client, "PUT", "job/a", headers=key).status_code == 200

    assert values() == {'x{job="a"}': [1.0, "ended"]}
    assert len(values("push_time")['push_time_seconds{job="a"}']) == 2


def test_delete_ends_every_series_of_the_group_and_of_no_other(
    client: Client, key: dict[str, str]
) -> None:
    push(client, "PUT", "job/a", "x 1\n", headers=key)
    push(client, "PUT", "job/a/instance/b", "x 2\n", headers=key)

    answer = push(client, "DELETE", "job/a", headers=key)

    assert answer.status_code == 202
    assert values() == {'x{job="a"}': [1.0, "ended"], 'x{instance="b",job="a"}': [2.0]}
    assert values("push_time")['push_time_seconds{job="a"}'][1] == "ended"
    assert [group.labels for group in PushGroup.objects.all()] == [{"job": "a", "instance": "b"}]


def test_deleting_what_is_not_there_is_no_error(client: Client, key: dict[str, str]) -> None:
    assert push(client, "DELETE", "job/nobody", headers=key).status_code == 202
    assert samples() == {}


def test_a_series_that_ends_in_the_moment_it_was_written_ends_after_it(
    client: Client, key: dict[str, str]
) -> None:
    push(client, "PUT", "job/a", "x 1\n", headers=key)
    ahead_ms = PushGroup.objects.get().written_ms + 60_000
    PushGroup.objects.update(written_ms=ahead_ms)

    push(client, "DELETE", "job/a", headers=key)

    assert samples()['x{job="a"}'][1] == (ahead_ms + 1, "ended")


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("job/a/", '{job="a"}'),
        ("job/a/dir/x/", '{dir="x",job="a"}'),
        ("job@base64/L3Zhci90bXA", '{job="/var/tmp"}'),
        ("job@base64/L3Zhci90bXA=", '{job="/var/tmp"}'),
        ("job/a/path@base64/w7w_", '{job="a",path="ü?"}'),
        ("job/a/path@base64/=", '{job="a"}'),
        ("job/a/instance/", '{job="a"}'),
        ("job/a/job/b", '{job="a"}'),
        ("job/a%20b/dir/x%0Ay", '{dir="x\ny",job="a b"}'),
        ("job/a/x/job@base64/", '{job="a",x="job@base64"}'),
    ],
)
def test_the_path_says_the_grouping_labels(
    client: Client, key: dict[str, str], path: str, labels: str
) -> None:
    answer = push(client, "PUT", path, "x 1\n", headers=key)

    assert answer.status_code == 200, answer.content
    assert values() == {f"x{labels}": [1.0]}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("job/a/b", "the label 'b' has no value"),
        ("job//a/b", "the name of the job is missing"),
        ("job@base64/=", "the name of the job is missing"),
        ("job@base64/!", "not URL-safe base64"),
        ("job@base64/_w", "not URL-safe base64 of UTF-8 text"),
        ("job/a/b-c/d", "'b-c' is not a label name"),
        ("job/a/__name__/d", "reserved"),
        ("job/a/b/" + "c" * 3000, "at most 2048 bytes"),
        ("job/a/b@base64/AA", "U+0000"),
    ],
)
def test_a_path_that_names_no_group_is_refused(
    client: Client, key: dict[str, str], path: str, fault: str
) -> None:
    answer = push(client, "PUT", path, "x 1\n", headers=key)

    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert not PushGroup.objects.exists()


def test_grouping_labels_win_over_those_in_the_body(client: Client, key: dict[str, str]) -> None:
    body = 'x{job="other",instance="host",dir="y"} 1\n'

    push(client, "PUT", "job/a/dir@base64/=", body, headers=key)

    assert values() == {'x{instance="host",job="a"}': [1.0]}


def test_labels_of_the_key_win_and_keep_groups_apart(client: Client) -> None:
    shop, bank = writer(system="shop"), writer(system="bank")
    push(client, "PUT", "job/a/system/mine", "x 1\n", headers=shop)
    push(client, "PUT", "job/a/system/mine", "# TYPE x gauge\nx 2\n", headers=bank)

    push(client, "DELETE", "job/a/system/mine", headers=shop)

    assert values() == {
        'x{job="a",system="shop"}': [1.0, "ended"],
        'x{job="a",system="bank"}': [2.0],
    }


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("x 1 1700000000000\n", "must not have timestamps"),
        ("x 1\nx\n", "line 2: the value of 'x' is missing"),
        ("# TYPE x gauge\n# TYPE x counter\nx 1\n", "'x' has more than one TYPE"),
        ('x{n="1"} 1\nx{n="1",m=""} 1\n', "stands twice"),
        ('x{job="1"} 1\nx{job="2"} 1\n', "stands twice"),
        ('x{n="1",n="2"} 1\n', "the label 'n' stands twice"),
        ('x{__n="1"} 1\n', "reserved"),
        ('{"my.metric"} 1\n', "'my.metric' is not a metric name"),
    ],
)
def test_a_body_that_is_wrong_changes_nothing_but_the_time_of_failure(
    client: Client, key: dict[str, str], body: str, fault: str
) -> None:
    push(client, "PUT", "job/a", "y 1\n", headers=key)

    answer = push(client, "PUT", "job/a", body, headers=key)

    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert values() == {'y{job="a"}': [1.0]}
    failed_at = PushGroup.objects.get().failed_at
    assert failed_at is not None
    [failures] = values("push_failure_time").values()
    assert failures == [0.0, failed_at.timestamp()]


def test_a_group_whose_first_push_fails_is_there_to_be_seen(
    client: Client, key: dict[str, str]
) -> None:
    push(client, "PUT", "job/a", "x\n", headers=key)

    group = PushGroup.objects.get()
    assert group.pushed_at is None
    assert values("push_time") == {'push_time_seconds{job="a"}': [0.0]}


def test_a_metric_must_have_one_type_in_all_groups(client: Client, key: dict[str, str]) -> None:
    push(client, "PUT", "job/a", "# TYPE x counter\nx 1\n", headers=key)

    answer = push(client, "PUT", "job/b", "# TYPE x gauge\nx 1\n", headers=key)

    assert answer.status_code == 400
    assert "'x' is of the type gauge, but counter in other groups" in answer.content.decode()
    assert push(client, "PUT", "job/a", "# TYPE x gauge\nx 1\n", headers=key).status_code == 200


@pytest.mark.parametrize("bodies", [("# TYPE x counter\nx 1\n", "x 2\n"), ("x 1\n", "# TYPE x counter\nx 2\n")], ids=["typed-first", "typed-last"])  # fmt: skip
def test_a_metric_without_a_type_agrees_with_all_groups(
    client: Client, key: dict[str, str], bodies: tuple[str, str]
) -> None:
    push(client, "PUT", "job/a", bodies[0], headers=key)

    answer = push(client, "PUT", "job/b", bodies[1], headers=key)

    assert answer.status_code == 200
    assert values("x") == {'x{job="a"}': [1.0], 'x{job="b"}': [2.0]}
    assert Metric.objects.get(name="x").type == "counter"


def test_a_series_may_not_be_part_of_two_metrics(client: Client, key: dict[str, str]) -> None:
    push(client, "PUT", "job/a", "# TYPE h summary\nh_count 1\n", headers=key)

    answer = push(client, "POST", "job/a", "h_count 2\n", headers=key)

    assert answer.status_code == 400
    assert "'h_count' is already there, as part of the metric 'h'" in answer.content.decode()


def test_a_group_has_a_largest_size(
    client: Client, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(families, "MAX_SERIES", 2)

    answer = push(client, "PUT", "job/a", "x 1\ny 1\nz 1\n", headers=key)

    assert answer.status_code == 413
    assert not PushGroup.objects.exists()


@pytest.mark.parametrize(
    "content_type", ["", "application/x-www-form-urlencoded", "text/plain; version=1.0.0"]
)
def test_a_body_is_text_whatever_it_is_called(
    client: Client, key: dict[str, str], content_type: str
) -> None:
    answer = push(client, "PUT", "job/a", "x 1\n", headers=key, content_type=content_type)

    assert answer.status_code == 200


def test_openmetrics_is_taken_too(client: Client, key: dict[str, str]) -> None:
    body = "# TYPE x counter\nx_total 1.0\n# EOF\n"

    push(client, "PUT", "job/a", body, headers=key, content_type="application/openmetrics-text")

    assert values() == {'x_total{job="a"}': [1.0]}
    assert [m.name for m in PushGroup.objects.get().metrics.all()] == ["x"]


def test_a_body_may_be_compressed(client: Client, key: dict[str, str]) -> None:
    headers = {**key, "Content-Encoding": "gzip"}

    answer = push(client, "PUT", "job/a", gzip.compress(b"x 1\n"), headers=headers)

    assert (answer.status_code, values()) == (200, {'x{job="a"}': [1.0]})


def test_protobuf_is_refused_with_the_way_out(client: Client, key: dict[str, str]) -> None:
    kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily"

    answer = push(client, "PUT", "job/a", b"\x00", headers=key, content_type=kind)

    assert answer.status_code == 415
    assert "expfmt" in answer.content.decode()


def test_other_methods_are_refused(client: Client, key: dict[str, str]) -> None:
    answer = push(client, "GET", "job/a", headers=key)

    assert (answer.status_code, answer["Allow"]) == (405, "PUT, POST, DELETE")


def test_only_who_may_write_pushes(client: Client) -> None:
    assert push(client, "PUT", "job/a", "x 1\n", headers={}).status_code == 401


def expires_in_s() -> float | None:
    group = PushGroup.objects.get()
    if group.expires_at is None:
        return None
    assert group.pushed_at is not None
    return (group.expires_at - group.pushed_at).total_seconds()


def test_pushed_metrics_stay_unless_somebody_says_otherwise(
    client: Client, key: dict[str, str]
) -> None:
    push(client, "PUT", "job/a", "x 1\n", headers=key)

    assert expires_in_s() is None


def test_a_push_says_how_long_it_stays(client: Client, key: dict[str, str]) -> None:
    push(client, "PUT", "job/a", "x 1\n", headers={**key, "X-Push-Ttl": "1h30m"})
    by_header = expires_in_s()
    push(client, "PUT", "job/a?ttl=2m", "x 1\n", headers=key)

    assert (by_header, expires_in_s()) == (5400, 120)


def test_the_rule_of_the_job_wins_over_the_setting_and_the_push_over_both(
    client: Client, key: dict[str, str], settings: LazySettings
) -> None:
    settings.PUSHGATEWAY_TTL_MS = 1_000
    found = []

    push(client, "PUT", "job/a", "x 1\n", headers=key)
    found.append(expires_in_s())
    PushLifetime.objects.create(job="a", lifetime_ms=2_000)
    push(client, "PUT", "job/a", "x 1\n", headers=key)
    found.append(expires_in_s())
    push(client, "PUT", "job/a?ttl=never", "x 1\n", headers=key)
    found.append(expires_in_s())

    assert found == [1, 2, None]


@pytest.mark.parametrize("ttl", ["1", "-1h", "soon", "11y", "1h1h"])
def test_a_time_that_is_none_is_refused(client: Client, key: dict[str, str], ttl: str) -> None:
    answer = push(client, "PUT", "job/a", "x 1\n", headers={**key, "X-Push-Ttl": ttl})

    assert answer.status_code == 400
    assert "expected a time such as 30m" in answer.content.decode()


def test_a_group_of_failures_alone_expires_too(
    client: Client, key: dict[str, str], settings: LazySettings
) -> None:
    settings.PUSHGATEWAY_TTL_MS = 60_000

    push(client, "PUT", "job/a", "x\n", headers=key)

    expires_at = PushGroup.objects.get().expires_at
    assert expires_at is not None
    assert expires_at > datetime.now(UTC)
