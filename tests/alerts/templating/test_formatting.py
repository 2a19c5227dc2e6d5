from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.templating.formatting import sprint, sprintf
from alerts.templating.times import Time
from tests.alerts.templating.amtool_cases import FORMATS
from tests.alerts.templating.notification import params, text


@pytest.mark.parametrize(("template", "expected"), params(FORMATS))
def test_a_format_prints_what_fmt_prints(template: str, expected: str) -> None:
    assert text(template) == expected


@given(st.floats(allow_nan=False))
def test_a_float_is_printed_in_the_digits_that_give_it_back(number: float) -> None:
    shown = sprint(number)

    assert float(shown) == number
    is_plain = not number or not math.isfinite(number) or -4 <= Decimal(repr(number)).adjusted() < 6
    assert ("e" in shown) is not is_plain


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_is_printed_in_every_base(number: int) -> None:
    shown = sprintf("%d %x %o %b", number, number, number, number).split()

    assert [int(digits, base) for digits, base in zip(shown, (10, 16, 8, 2), strict=True)] == [
        number
    ] * 4


@given(st.floats(), st.sampled_from("eEfFgG"), st.integers(0, 20))
def test_a_float_with_a_precision_is_as_near_as_it_can_be(
    number: float, verb: str, digits: int
) -> None:
    shown = sprintf(f"%.{digits}{verb}", number)

    assert float(shown) == pytest.approx(float(f"{number:.{digits}{verb}}"), nan_ok=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_hexadecimal_float_reads_back(number: float) -> None:
    assert float.fromhex(sprintf("%x", number)) == number


@given(
    st.text(),
    st.lists(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.complex_numbers()
    ),
)
def test_any_format_with_any_values_prints_something(template: str, values: list[object]) -> None:
    assert isinstance(sprintf(template, *values), str)


def test_a_verb_that_a_time_does_not_have_is_complained_about_once() -> None:
    assert sprintf("%d", Time(0)) == "%!d(time.Time=1970-01-01 00:00:00 +0000 UTC)"
