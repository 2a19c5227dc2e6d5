import math

import pytest

from tests.promql.queries import ask, instant, over_minutes

LATENCY = {
    'seconds_bucket{le="0.1"}': "10x2",
    'seconds_bucket{le="1"}': "20x2",
    'seconds_bucket{le="+Inf"}': "40x2",
    'seconds_bucket{le="1",zone="b"}': "1x2",
}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("histogram_quantile(0.5, seconds_bucket)", {"": 1, '{zone="b"}': math.nan}),
        ('histogram_quantile(0.125, seconds_bucket{zone=""})', {"": 0.05}),
        ('histogram_quantile(0.375, seconds_bucket{zone=""})', {"": 0.55}),
        ('histogram_quantile(0.99, seconds_bucket{zone=""})', {"": 1}),
        ('histogram_quantile(-1, seconds_bucket{zone=""})', {"": -math.inf}),
        ('histogram_quantile(2, seconds_bucket{zone=""})', {"": math.inf}),
        ('histogram_quantile(NaN, seconds_bucket{zone=""})', {"": math.nan}),
        ("histogram_quantile(0.5, nothing)", {}),
        (
            'histogram_quantiles(seconds_bucket{zone=""}, "q", 0.125, 1)',
            {'{q="0.125"}': 0.05, '{q="1.0"}': 1},
        ),
        ('histogram_fraction(0, 0.1, seconds_bucket{zone=""})', {"": 0.25}),
        ('histogram_fraction(0.55, 1, seconds_bucket{zone=""})', {"": 0.125}),
        ('histogram_fraction(1, 0, seconds_bucket{zone=""})', {"": 0}),
        ('histogram_fraction(0, NaN, seconds_bucket{zone=""})', {"": math.nan}),
        ("histogram_count(seconds_bucket)", {}),
    ],
)
def test_what_buckets_say(expr: str, expected: dict[str, float]) -> None:
    assert instant(expr, LATENCY) == pytest.approx(expected, nan_ok=True)


def test_buckets_of_different_metrics_are_different_histograms() -> None:
    series = {
        **LATENCY,
        'bytes_bucket{zone="c",le="+Inf"}': "1",
        'bytes_bucket{zone="c",le="9"}': "1",
    }

    found = instant('histogram_quantile(1, {__name__=~".+_bucket",zone=~"|c"})', series)

    assert found == {"": 1, '{zone="c"}': 9}


def test_counts_that_fall_are_raised_with_an_info_of_all_steps() -> None:
    series = {
        'b{le="1"}': "5 9 5",
        'b{le="2"}': "5 7 3",
        'b{le="4"}': "6 6 6",
        'b{le="+Inf"}': "10x2",
    }

    result = ask("max_over_time(histogram_quantile(0.5, b)[3m:1m])", series, minutes=2)
    values = over_minutes("histogram_quantile(0.8, b)", series, minutes=2)

    assert values[""][1] == pytest.approx(8 / 9)
    assert result.infos == (
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see"
        " https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        ' for metric name "b", from buckets 2 to 4, with a max diff of 3, over 2 samples from'
        " 1970-01-01T00:01:00Z to 1970-01-01T00:02:00Z (1:39)",
    )


def test_counts_that_only_differ_by_rounding_are_made_equal_silently() -> None:
    series = {'b{le="1"}': "10", 'b{le="2"}': "9.9999999999999", 'b{le="+Inf"}': "10"}

    result = ask("histogram_quantile(0.5, b)", series)

    assert result.infos == ()


@pytest.mark.parametrize("le", ["", "few", "1_000", "1e999"])
def test_a_bound_that_is_no_number_is_left_out_with_a_warning(le: str) -> None:
    result = ask("histogram_quantile(0.5, x)", {f'x{{le="{le}",a="1"}}': "1"})

    assert result.warnings == (
        f'PromQL warning: bucket label "le" is missing or has a malformed value of "{le}"'
        ' for metric name "x" (1:25)',
    )


def test_the_least_quantile_of_a_histogram_with_an_empty_first_bucket_is_no_number() -> None:
    series = {'b{le="1"}': "0", 'b{le="2"}': "3", 'b{le="+Inf"}': "3"}

    found = instant("histogram_quantile(0, b)", series)

    assert found == pytest.approx({"": math.nan}, nan_ok=True)
