"""The query page in a real browser: one writes, runs, looks closer, and finds it again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import launch_chromium
from tests.embedded.portal_process import PortalProcess

pytestmark = pytest.mark.browser

KEY = "op_browser0_0123456789abcdefghijABCDEFGHIJ0123456789abc"
PASSWORD = "a-password-of-the-operator"
PAGE = "/admin/metrics/query/"
MINUTES = 60
DASH = "\N{EN DASH}"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("query-page") / "var"
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
def context(portal: PortalProcess, browser: Browser, signed_in: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{portal.port}", storage_state=signed_in
    )
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    assert failures == []


def record(portal: PortalProcess) -> None:
    """Store an hour of two rigs' load, and of the requests that they answered."""
    now = int(time.time())
    samples = [
        {
            "name": name,
            "type": kind,
            "labels": {"host": f"rig-{rig}", "site": "north"},
            "value": value,
            "timestamp": now - minute * 60,
        }
        for minute in range(MINUTES)
        for rig in (1, 2)
        for name, kind, value in (
            ("rig_load", "gauge", rig * 10 + minute % 7),
            ("rig_requests_total", "counter", (MINUTES - minute) * 60 * rig),
        )
    ]
    client = HTTPConnection("127.0.0.1", portal.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    client.request("POST", "/api/metrics", json.dumps(samples), headers)
    assert client.getresponse().status == 202
    client.close()


def editor(page: Page, place: int = 0) -> Any:
    return page.locator(".cm-content").nth(place)


def put(page: Page, text: str, place: int = 0) -> None:
    """Write at once, so that nothing is completed on the way."""
    editor(page, place).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def expect_lines(page: Page, number: int) -> None:
    expect(page.locator("#query-graph[data-state=drawn]")).to_have_attribute(
        "data-lines", str(number)
    )


def option(page: Page, text: str) -> Any:
    return page.locator(".cm-tooltip-autocomplete li").filter(has_text=text)


def test_metrics_labels_and_values_are_completed_and_enter_runs(page: Page) -> None:
    page.goto(PAGE)

    page.keyboard.type("rig_lo")
    expect(option(page, "rig_load")).to_contain_text("gauge")
    option(page, "rig_load").click()
    page.keyboard.type("{ho")
    option(page, "host").click()
    page.keyboard.type('="')
    option(page, "rig-2").click()
    expect(editor(page)).to_have_text('rig_load{host="rig-2"}')
    page.keyboard.press("Enter")

    expect_lines(page, 1)


def test_functions_are_completed_with_what_they_do(page: Page) -> None:
    page.goto(PAGE)

    page.keyboard.type("histogram_q")

    expect(option(page, "histogram_quantile").first).to_be_visible()
    expect(page.locator(".cm-completionInfo")).to_contain_text("quantile")


def test_a_mistake_is_underlined_where_it_is_and_told_in_words(page: Page) -> None:
    page.goto(PAGE)

    put(page, "sum(rates(rig_load[5m]))")

    expect(page.locator(".cm-lintRange-error")).to_have_text("rates")
    page.hover(".cm-lintRange-error")
    expect(page.locator(".cm-diagnostic")).to_contain_text("unknown function")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="1:5: parse error")).to_be_visible()


def test_places_are_right_behind_characters_that_the_browser_counts_twice(page: Page) -> None:
    page.goto(PAGE)

    put(page, 'rig_load{host="\N{GRINNING FACE}"} + rates(rig_load)')

    expect(page.locator(".cm-lintRange-error")).to_have_text("rates")


def test_a_metric_that_is_not_stored_is_underlined_and_named_where_nothing_is_found(
    page: Page,
) -> None:
    page.goto(f"{PAGE}?expr=rig_lode")

    expect(page.locator(".cm-lintRange-hint")).to_have_text("rig_lode")
    expect(page.locator("#query-empty")).to_contain_text("No series of “rig_lode” are stored.")


def test_what_a_run_has_to_say_is_shown_and_underlined(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rate(rig_load[5m])")

    expect(page.locator(".query-note-info")).to_contain_text("might not be a counter")
    expect(page.locator(".cm-lintRange-info")).to_have_text("rig_load")


def test_a_drag_over_the_graph_looks_closer_and_back_undoes_it(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load")
    expect_lines(page, 2)
    box = page.locator("#query-graph").bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 120)
    page.mouse.up()

    expect(page).to_have_url(re.compile(r"range=\d+m.*&end=\d+"))
    expect(page.locator("#query-range-text")).to_contain_text(DASH)
    expect_lines(page, 2)
    page.go_back()
    expect(page.locator("#query-range-text")).to_have_text("Last 1 hour")
    page.go_forward()
    expect(page.locator("#query-now")).to_be_visible()
    page.click("#query-now")
    expect(page).not_to_have_url(re.compile("end="))


def test_a_double_click_on_the_graph_zooms_out(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load&range=30m")
    expect_lines(page, 2)

    page.dblclick("#query-graph", position={"x": 300, "y": 100})

    expect(page).not_to_have_url(re.compile("range="))
    expect(page.locator("#query-range-text")).to_have_text("Last 1 hour")


def test_the_range_is_chosen_from_presets_or_given(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load")
    page.click("#query-range summary")
    page.click("text=Last 15 minutes")
    expect(page).to_have_url(re.compile("range=15m"))

    page.click("#query-range summary")
    page.fill("#query-from", "2026-01-01T10:00:00")
    page.fill("#query-to", "2026-01-01T09:00:00")
    page.click("#query-absolute-apply")
    expect(page.locator("#query-absolute-problem")).to_have_text(
        "The range must begin before it ends."
    )
    page.fill("#query-to", "2026-01-01T12:00:00")
    page.click("#query-absolute-apply")

    expect(page.locator("#query-range-text")).to_have_text(f"2026-01-01 10:00 {DASH} 12:00")
    expect(page).to_have_url(re.compile("range=2h&end="))


def test_a_step_that_is_none_is_told(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load")
    expect_lines(page, 2)

    page.fill("#query-step", "often")
    page.keyboard.press("Tab")
    expect(page.locator("#query-step-problem")).to_contain_text("A step is a duration")
    page.fill("#query-step", "5m")
    page.keyboard.press("Tab")

    expect(page.locator("#query-status")).to_contain_text("in steps of 5m")
    expect(page).to_have_url(re.compile("step=5m"))


def test_the_legend_shows_one_line_alone_or_hides_one(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load")
    expect_lines(page, 2)
    first = page.locator(".query-line").first

    first.click()
    expect_lines(page, 1)
    first.click()
    expect_lines(page, 2)
    first.click(modifiers=["Control"])

    expect_lines(page, 1)
    expect(first).to_have_attribute("aria-pressed", "false")


def test_an_address_shows_what_was_seen_with_it(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load&expr=sum(rig_load)&tab=table&unit=bytes&range=2h")

    expect(page.get_by_role("tab", name="Table")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#query-range-text")).to_have_text("Last 2h")
    expect(page.locator("#query-unit")).to_have_value("bytes")
    expect(editor(page, 1)).to_have_text("sum(rig_load)")
    expect(page.locator(".query-table tbody tr")).to_have_count(3)


def test_the_table_is_sorted_filtered_and_saved(page: Page, tmp_path: Path) -> None:
    page.goto(f"{PAGE}?expr=rig_load&tab=table")
    cells = page.locator(".query-table tbody tr td:first-child")
    expect(page.locator("#query-panel-table")).to_contain_text('site="north"')

    page.get_by_role("button", name="Value").click()
    expect(cells).to_have_text(["rig-2", "rig-1"])
    page.get_by_label("Filter rows").fill("> 19")
    expect(cells).to_have_text(["rig-2"])
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()

    download.value.save_as(tmp_path / "table.csv")
    head, row = (tmp_path / "table.csv").read_text().splitlines()
    assert head == "__name__,host,site,timestamp,value"
    assert re.fullmatch(r"rig_load,rig-2,north,[\d.]+,2\d", row)


def test_expressions_are_added_left_out_and_taken_away(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load")
    expect_lines(page, 2)

    page.click("#query-add")
    page.keyboard.insert_text("rig_load * 2")
    page.keyboard.press("Control+Enter")
    expect_lines(page, 4)
    page.get_by_label("Leave A out").click()
    expect_lines(page, 2)
    expect(page).to_have_url(re.compile("hidden=0"))
    page.get_by_label("Take this expression away").first.click()

    expect_lines(page, 2)
    expect(editor(page)).to_have_text("rig_load * 2")


def test_what_was_run_is_found_starred_and_taken_up_again(page: Page) -> None:
    page.goto(PAGE)
    put(page, "rig_load > 11")
    with page.expect_response("**/history/"):
        page.keyboard.press("Control+Enter")
    put(page, "rig_load > 12")
    with page.expect_response("**/history/"):
        page.keyboard.press("Control+Enter")

    page.click("#query-history-open")
    page.fill("#query-history-contains", "> 11")
    expect(page.locator(".query-past")).to_have_count(1)
    page.get_by_label("Star: keep it").click()
    page.check("#query-history-starred")
    expect(page.locator(".query-past code")).to_have_text(["rig_load > 11"])
    page.click(".query-past")

    expect(editor(page)).to_have_text("rig_load > 11")
    expect(page).to_have_url(re.compile(r"rig_load\+%3E\+11"))


def test_explain_shows_each_part_and_marks_it_in_the_editor(page: Page) -> None:
    page.goto(f"{PAGE}?expr=sum(rate(rig_requests_total[5m]))&tab=explain")
    parts = page.locator("#query-panel-explain tbody tr")
    expect(parts).to_have_count(3)

    parts.nth(1).hover()

    expect(parts.nth(1)).to_contain_text("rate(rig_requests_total[5m])")
    expect(page.locator(".query-shown").first).to_be_visible()
    assert "".join(page.locator(".query-shown").all_inner_texts()) == (
        "rate(rig_requests_total[5m])"
    )


def test_an_expression_is_laid_out(page: Page) -> None:
    page.goto(PAGE)
    put(page, "sum by(host)(rig_load)")

    page.click("#query-format")

    expect(editor(page)).to_have_text("sum by (host) (rig_load)")


def test_next_steps_follow_the_expression(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load+%3E+15")

    page.click("text=Create an alert rule")

    expect(page.locator("[name=expr]")).to_have_value("rig_load > 15")


def test_a_run_can_be_cancelled(page: Page) -> None:
    page.goto(PAGE)
    page.route("**/api/v1/query_range", lambda route: None)
    put(page, "rig_load")
    page.keyboard.press("Control+Enter")

    page.click("#query-cancel")

    expect(page.locator("#query-status")).to_have_text("Cancelled.")
    expect(page.locator("#query-run")).to_be_enabled()
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "Your session has ended"), (502, "The portal could not answer (502)")],
    ids=["signed out", "behind a proxy"],
)
def test_what_keeps_the_portal_from_answering_is_told(page: Page, status: int, words: str) -> None:
    page.route("**/api/v1/query_range", lambda route: route.fulfill(status=status, body="no"))

    page.goto(f"{PAGE}?expr=rig_load")

    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()


def test_a_portal_that_is_gone_is_told(page: Page) -> None:
    page.route("**/api/v1/query_range", lambda route: route.abort())

    page.goto(f"{PAGE}?expr=rig_load")

    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()


def test_it_refreshes_by_itself(page: Page) -> None:
    page.goto(f"{PAGE}?expr=rig_load&refresh=1")
    expect_lines(page, 2)

    with page.expect_response("**/api/v1/query_range"):
        pass
    with page.expect_response("**/api/v1/query_range"):
        pass


@pytest.mark.parametrize("tab", ["graph", "table", "explain"])
def test_a_phone_need_not_scroll_sideways(page: Page, tab: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{PAGE}?expr=rig_load&expr=rate(rig_requests_total[5m])&tab={tab}")
    expect(
        page.locator(f"#query-panel-{tab} [data-state], #query-panel-{tab}[data-state]")
    ).to_have_count(1)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_scripts_it_is_a_form_with_a_table(
    portal: PortalProcess, browser: Browser, signed_in: Any
) -> None:
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{portal.port}",
        storage_state=signed_in,
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto(PAGE)

    page.fill("textarea[name=expr]", "rig_load")
    page.click("#query-run")

    expect(page.locator("tbody tr")).to_have_count(2)
    assert "csrf" not in page.url
    context.close()
