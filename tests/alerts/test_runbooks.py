from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from alerts.runbooks import FOLDER, INDEX, read_runbook, runbook_names
from observability.promql.parser import parse

NAMES = runbook_names()


@pytest.fixture
def operator(admin_client: Client) -> Client:
    return admin_client


def test_page_shows_what_to_do(operator: Client) -> None:
    response = operator.get("/admin/runbooks/chocochoco-high-error-rate/")

    page = response.content.decode()
    assert "HighErrorRate (Chocochoco mining pool)" in page
    assert "What to look at first" in page


def test_query_of_a_runbook_can_be_run(operator: Client) -> None:
    page = operator.get("/admin/runbooks/chocochoco-disk-nearly-full/").content.decode()

    (address,) = re.findall(r'href="(/admin/metrics/query/\?expr=[^"]+)"', page)

    (expr,) = parse_qs(urlsplit(address).query)["expr"]
    assert "node_filesystem_avail_bytes" in expr
    assert operator.get(address).status_code == 200


def test_pages_that_a_runbook_names_are_links(operator: Client) -> None:
    page = operator.get("/admin/runbooks/chocochoco-disk-nearly-full/").content.decode()

    assert '<a href="/admin/metrics/store/">Metrics &gt; Store</a>' in page


def test_runbook_leads_to_another(operator: Client) -> None:
    page = operator.get("/admin/runbooks/chocochoco-service-down/").content.decode()

    assert 'href="/admin/runbooks/chocochoco-scrape-target-down/"' in page


def test_list_leads_to_each_runbook(operator: Client) -> None:
    page = operator.get("/admin/runbooks/").content.decode()

    assert set(re.findall(r'href="/admin/runbooks/([a-z-]+)/"', page)) == set(NAMES)


@pytest.mark.parametrize("name", ["nothing", "index.md", "..", "README"])
def test_page_that_is_not_there_is_not_found(operator: Client, name: str) -> None:
    assert operator.get(f"/admin/runbooks/{name}/").status_code == 404


def test_person_without_the_permission_is_refused(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("someone", is_staff=True))

    assert client.get("/admin/runbooks/").status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_runbook_answers_all_questions(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (.*)$", text, re.M)[:5] == [
        "What it means",
        "Why it matters",
        "What to look at first",
        "How to fix it",
        "When to change the threshold",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_queries_of_a_runbook_are_promql(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")

    queries = re.findall(r"^```promql\n(.*?)^```$", text, re.M | re.S)

    assert queries
    for query in queries:
        parse(query)


@pytest.mark.parametrize("name", [INDEX, *NAMES])
def test_runbook_can_be_read(name: str) -> None:
    runbook = read_runbook(name)

    assert runbook.title
    assert "<h2>" in runbook.body
