"""The query page where scripts do not run, and what it leaves to them where they do."""

from __future__ import annotations

import pytest
from django.test import Client

from .samples import PAGE, record

pytestmark = pytest.mark.django_db


def test_an_expression_is_answered_as_a_table(admin_client: Client) -> None:
    record("rig_load", series=3)

    page = admin_client.get(f"{PAGE}?expr=rig_load&plain=1").content.decode()

    assert "Now: 3 series" in page
    assert "rig_load{host=&quot;h002&quot;, job=&quot;rigs&quot;}" in page


def test_several_expressions_have_a_table_each(admin_client: Client) -> None:
    record("rig_load", series=2)

    page = admin_client.get(f"{PAGE}?expr=rig_load&expr=1%2B1&plain=1").content.decode()

    assert "Now: 2 series" in page
    assert "Now: 1 series" in page


def test_of_very_many_series_the_first_are_shown_and_the_rest_counted(admin_client: Client) -> None:
    record("rig_load", series=250)

    page = admin_client.get(f"{PAGE}?expr=rig_load&plain=1").content.decode()

    assert "The first 200 of 250" in page


def test_an_expression_that_is_not_promql_is_told(admin_client: Client) -> None:
    page = admin_client.get(f"{PAGE}?expr=sum(&plain=1").content.decode()

    assert "1:5: parse error" in page


def test_nothing_found_is_told(admin_client: Client) -> None:
    page = admin_client.get(f"{PAGE}?expr=nowhere&plain=1").content.decode()

    assert "Nothing matches right now" in page


def test_with_scripts_the_page_itself_evaluates_nothing(admin_client: Client) -> None:
    record("rig_load", series=3)

    page = admin_client.get(f"{PAGE}?expr=rig_load").content.decode()

    assert "Now: 3 series" not in page
    assert ">rig_load</textarea>" in page


def test_markup_in_an_expression_is_only_text(admin_client: Client) -> None:
    page = admin_client.get(
        f'{PAGE}?plain=1&expr="</textarea><script>alert(1)</script>"'
    ).content.decode()

    assert "<script>alert(1)" not in page
