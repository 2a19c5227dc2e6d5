"""The rule's form in a real browser: what it would do is seen while one types."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import launch_chromium
from tests.embedded.portal_process import PortalProcess

pytestmark = pytest.mark.browser

KEY = "op_browser0_0123456789abcdefghijABCDEFGHIJ0123456789abc"
PASSWORD = "a-password-of-the-operator"
ADD = "/admin/alerts/rule/add/"
MINUTES = 60


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("rule-form") / "var"
    portal = PortalProcess.start(
        data_dir, ADMIN_PASSWORD=PASSWORD, BOOTSTRAP_API_KEY=KEY, WEB_CONCURRENCY="1"
    )
    try:
        portal.wait_until_it_runs()
        record(portal)
        yield portal
    finally:
        portal.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def signed_in(portal: PortalProcess, browser: Browser) -> Any:
    context = browser.new_context(base_url=f"http://127.0.0.1:{portal.port}")
    page = context.new_page()
    page.goto("/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(portal: PortalProcess, browser: Browser, signed_in: Any) -> Iterator[Page]:
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{portal.port}", storage_state=signed_in
    )
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    context.close()
    assert failures == []


def record(portal: PortalProcess) -> None:
    """Store an hour of two rigs' heat: 95 and 60 degrees."""
    now = int(time.time())
    samples = [
        {
            "name": "rig_heat",
            "type": "gauge",
            "labels": {"host": host},
            "value": heat,
            "timestamp": now - minute * 60,
        }
        for minute in range(MINUTES)
        for host, heat in (("rig-1", 95), ("rig-2", 60))
    ]
    client = HTTPConnection("127.0.0.1", portal.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    client.request("POST", "/api/metrics", json.dumps(samples), headers)
    assert client.getresponse().status == 202
    client.close()


def test_what_a_rule_would_do_is_seen_while_one_types_and_saved_as_seen(page: Page) -> None:
    words = page.locator("#rule-preview-words")
    page.goto(ADD)

    page.fill("[name=name]", "RigHot")
    page.locator("[name=metric]").press_sequentially("rig_he")
    expect(page.locator("#metric-names option[value=rig_heat]")).to_be_attached()
    page.fill("[name=metric]", "rig_heat")
    page.fill("[name=threshold]", "100")
    expect(words).to_contain_text("Nothing would fire now")
    expect(words).to_contain_text("is at 95, which is 5 from > 100")
    page.fill("[name=threshold]", "90")
    page.fill("[name=resolve_threshold]", "80")
    page.fill("[name=summary]", "{{ $labels.host }} is at {{ $value }}")

    expect(words).to_contain_text("1 would fire now")
    expect(words).to_contain_text("rig-1 is at 95")
    expect(page.locator("#rule-promql")).to_have_text("rig_heat > 90")
    expect(page.locator("#rule-resolve-promql")).to_have_text("rig_heat <= 80")
    expect(page.locator("#rule-graph")).to_have_attribute("data-lines", "2")
    expect(page.locator("#rule-graph")).to_have_attribute("data-levels", "2")
    page.click("button[name=_continue], input[name=_continue]")
    expect(page.locator("#rule-promql")).to_have_text("rig_heat > 90")
    expect(page.locator("[name=resolve_threshold]")).to_have_value("80")


def test_a_mistake_in_promql_is_marked_and_a_template_that_fails_is_shown(page: Page) -> None:
    words = page.locator("#rule-preview-words")
    page.goto(ADD)

    page.check("[name=made_in][value=promql]")
    expect(page.locator("[name=metric]")).to_be_hidden()
    page.fill("[name=expr]", "sum(rates(rig_heat[5m]))")
    expect(words.locator("mark")).to_have_text("rates")
    page.fill("[name=expr]", "rig_heat > 90")
    page.fill("[name=description]", "{{ .Nope }}")

    expect(words.locator("dd.rule-problem")).to_contain_text("<error expanding template:")


def test_a_recording_rule_is_asked_nothing_of_alerts(page: Page) -> None:
    page.goto(ADD)

    page.check("[name=kind][value=recording]")
    page.fill("[name=name]", "rig:heat:max")
    page.fill("[name=expr]", "max(rig_heat)")

    for field in ("severity", "hold_ms", "summary", "on_no_data", "resolve_expr", "metric"):
        expect(page.locator(f"[name={field}]")).to_be_hidden()
    expect(page.get_by_text("What people read")).to_be_hidden()
    expect(page.locator("#rule-preview-words")).to_contain_text("1 series would be recorded")


def test_the_form_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{ADD}?made_in=promql&expr=rig_heat+>+90")
    expect(page.locator("#rule-graph")).to_have_attribute("data-lines", "2")

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
