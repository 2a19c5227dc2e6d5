"""A backtest in a real browser: started from a form that is not saved, followed, and looked into."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import launch_chromium
from tests.embedded.portal_process import PortalProcess

pytestmark = pytest.mark.browser

KEY = "op_browser0_0123456789abcdefghijABCDEFGHIJ0123456789abc"
PASSWORD = "a-password-of-the-operator"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("backtest-page") / "var"
    portal = PortalProcess.start(
        data_dir, ADMIN_PASSWORD=PASSWORD, BOOTSTRAP_API_KEY=KEY, WEB_CONCURRENCY="1"
    )
    try:
        portal.wait_until_it_runs()
        record(portal)
        yield portal
    finally:
        portal.end()


def record(portal: PortalProcess) -> None:
    """Store an hour of two rigs' heat; each is too hot for ten minutes of it."""
    now = int(time.time())
    samples = [
        {
            "name": "rig_heat",
            "labels": {"rig": str(rig)},
            "value": 90 if rig * 20 <= minute < rig * 20 + 10 else 40,
            "timestamp": now - minute * 60,
        }
        for minute in range(60)
        for rig in (1, 2)
    ]
    client = HTTPConnection("127.0.0.1", portal.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    client.request("POST", "/api/metrics", json.dumps(samples), headers)
    assert client.getresponse().status == 202
    client.close()


def test_a_draft_is_tested_followed_and_looked_into(portal: PortalProcess) -> None:
    failures: list[str] = []
    with launch_chromium() as browser:
        context = browser.new_context(base_url=f"http://127.0.0.1:{portal.port}")
        context.on("weberror", lambda error: failures.append(str(error.error)))
        page = context.new_page()
        page.goto("/admin/login/?next=/admin/alerts/rule/add/")
        page.fill("#id_username", "admin")
        page.fill("#id_password", PASSWORD)
        page.click("button[type=submit]")
        page.fill("#id_name", "RigHot")
        page.fill("#id_metric", "rig_heat")
        page.fill("#id_threshold", "80")
        page.fill("#id_hold_ms", "2m")

        with context.expect_page() as opened:
            page.click("button[name=backtest_days][value='1']")
        result = opened.value

        timeline = result.locator("#backtest-timeline[data-state=drawn]")
        expect(timeline).to_have_attribute("data-spans", "4", timeout=90_000)
        expect(result.locator(".portal-backtest-verdict")).to_contain_text("fired twice in 1 day")
        expect(result.locator(".portal-backtest-table tbody tr")).to_have_count(2)
        result.fill("#id_threshold", "95")
        result.get_by_role("button", name="Run again").click()
        expect(result.locator(".portal-backtest-verdict")).to_contain_text(
            "The nearest that it came was 90", timeout=90_000
        )
        assert failures == []
