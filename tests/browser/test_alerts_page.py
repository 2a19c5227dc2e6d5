"""The page of alerts in a real browser: it keeps itself up to date, and one acts on what fires."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import launch_chromium
from tests.embedded.portal_process import PortalProcess

pytestmark = pytest.mark.browser

KEY = "op_browser1_0123456789abcdefghijABCDEFGHIJ0123456789abc"
PASSWORD = "a-password-of-the-operator"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("alerts-page") / "var"
    portal = PortalProcess.start(
        data_dir, ADMIN_PASSWORD=PASSWORD, BOOTSTRAP_API_KEY=KEY, WEB_CONCURRENCY="1"
    )
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


@pytest.fixture
def page(portal: PortalProcess, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://127.0.0.1:{portal.port}")
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto("/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    yield page
    assert failures == []
    context.close()


def report(portal: PortalProcess, name: str, **labels: str) -> None:
    """Report an alert by hand."""
    client = HTTPConnection("127.0.0.1", portal.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    client.request("POST", "/api/alerts", json.dumps({"name": name, "labels": labels}), headers)
    assert client.getresponse().status == 201
    client.close()


def test_the_list_follows_what_fires_and_lets_people_act(portal: PortalProcess, page: Page) -> None:
    report(portal, "Pump leaks", hall="1")
    page.goto("/admin/alerts/alert/")
    rows = page.locator(".alerts-row")
    expect(rows).to_have_count(1)
    first = page.get_by_label("Select Pump leaks")
    first.check()

    # What is new comes by itself, and takes neither the tick nor the focus away.
    report(portal, "Fan stands", hall="2")
    expect(rows).to_have_count(2, timeout=20_000)
    expect(first).to_be_checked()
    expect(first).to_be_focused()

    page.get_by_role("button", name="Acknowledge").first.click()
    dialog = page.locator("#ask-acknowledge")
    dialog.get_by_label("Owner").fill("ann")
    dialog.get_by_label("Note").fill("Closing the valve")
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#alerts-told")).to_have_text("1 alert acknowledged.")
    expect(rows.filter(has_text="Pump leaks")).to_contain_text("ann")
    expect(page.locator("#alerts-bar")).to_be_hidden()

    page.get_by_label("Matchers on labels").fill("hall=2")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Fan stands")
    page.get_by_label("Matchers on labels").fill("")
    page.get_by_label("Group by").select_option("alertname")
    expect(page.locator(".alerts-group")).to_have_count(2)
    page.get_by_role("link", name="Pump leaks").click()
    expect(rows).to_have_count(1)

    rows.get_by_role("link", name="Pump leaks").click()
    expect(page.locator(".alerts-timeline")).to_contain_text("ann is on it: Closing the valve")
    page.locator("#do-resolve").click()
    page.locator("#ask-resolve").get_by_role("button", name="Resolve").click()
    expect(page.locator(".alerts-timeline")).to_contain_text("Resolved by hand")
