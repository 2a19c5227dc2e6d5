"""Escaped names in URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.prometheus_api.escaping import unescape_name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("job", "job"),
        ("U__http_2e_requests", "http.requests"),
        ("U__with__underscore", "with_underscore"),
        ("U___1F600__e9_", "😀é"),
        ("U__", ""),
        ("U__open_2e", "U__open_2e"),
        ("U__end_", "U__end_"),
        ("U__bad_zz_", "U__bad_zz_"),
        ("U__surrogate_d800_", "U__surrogate_d800_"),
        ("U__long_000041_", "U__long_000041_"),
    ],
    ids=["plain", "dot", "underscore", "runes", "empty", "open", "end", "no-hex", "surrogate", "too-long"],
)  # fmt: skip
def test_what_is_escaped_rightly_is_read(name: str, meant: str) -> None:
    assert unescape_name(name) == meant


@given(st.text(st.characters(max_codepoint=0xFFFFF, exclude_categories=["Cs"]), min_size=1))
def test_every_name_survives(name: str) -> None:
    escaped = "".join(
        each if each.isascii() and each.isalnum() else "__" if each == "_" else f"_{ord(each):x}_"
        for each in name
    )

    assert unescape_name(f"U__{escaped}") == name
