"""From a real sample to a real e-mail and a real Slack call, through the doors that people use."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import Page

from tests.browser.chromium import launch_chromium
from tests.embedded.portal_process import PortalProcess, free_port, wait_for

KEY = "op_firstone_0123456789abcdefghijABCDEFGHIJ0123456789abc"
PASSWORD = "a-password-of-the-operator"


class Mailbox:
    """What an SMTP server has taken in."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (its name in aiosmtpd)
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]


class SlackChannel:
    """What was posted to a webhook."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []

    def texts(self) -> list[str]:
        return [post["text"] for post in self.posts]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, port
    server.stop()


@pytest.fixture
def slack() -> Iterator[tuple[SlackChannel, str]]:
    channel = SlackChannel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            channel.posts.append(json.loads(body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield channel, f"http://127.0.0.1:{server.server_port}/services/T000/B000/secret"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def portal(
    tmp_path_factory: pytest.TempPathFactory, mailbox: tuple[Mailbox, int]
) -> Iterator[PortalProcess]:
    portal = PortalProcess.start(
        tmp_path_factory.mktemp("first-alert") / "var",
        ADMIN_PASSWORD=PASSWORD,
        BOOTSTRAP_API_KEY=KEY,
        EMAIL_URL=f"smtp://127.0.0.1:{mailbox[1]}",
    )
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


@pytest.fixture
def page(portal: PortalProcess) -> Iterator[Page]:
    with launch_chromium() as browser:
        page = browser.new_page(base_url=f"http://127.0.0.1:{portal.port}")
        page.goto("/admin/")
        page.fill("#id_username", "admin")
        page.fill("#id_password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url("**/admin/")
        yield page


def record(portal: PortalProcess, value: float) -> None:
    client = HTTPConnection("127.0.0.1", portal.port, timeout=30)
    sample = {"name": "cpu_usage", "value": value, "labels": {"host": "rig-7"}, "type": "gauge"}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    client.request("POST", "/api/metrics", json.dumps(sample), headers)
    assert client.getresponse().status == 202
    client.close()


def make_receiver(page: Page, slack_url: str) -> None:
    page.goto("/admin/alerts/receiver/add/")
    page.fill("[name=name]", "On call")
    page.fill("[name=integrations-0-recipients]", "oncall@example.com")
    page.fill("[name=integrations-2-0-webhook_url]", slack_url)
    page.click("[name=_save]")
    page.wait_for_url("**/admin/alerts/receiver/")


def route_at_once(page: Page) -> None:
    page.goto("/admin/alerts/route/")
    page.select_option("[name=receiver]", label="On call")
    page.fill("[name=group_wait_ms]", "1s")
    page.fill("[name=group_interval_ms]", "2s")
    page.click("[name=_save]")
    page.wait_for_load_state()


def make_rule(page: Page) -> None:
    page.goto("/admin/alerts/rule/add/")
    page.fill("[name=name]", "High CPU usage")
    page.select_option("[name=severity]", "critical")
    page.fill("[name=metric]", "cpu_usage")
    page.fill("[name=threshold]", "90")
    page.fill("[name=hold_ms]", "1s")
    page.fill("[name=summary]", "CPU of {{ $labels.host }} is at {{ $value }} %")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/alerts/rule/")


@pytest.mark.browser
def test_a_sample_over_the_threshold_reaches_people_and_so_does_its_end(
    portal: PortalProcess,
    page: Page,
    mailbox: tuple[Mailbox, int],
    slack: tuple[SlackChannel, str],
) -> None:
    box, (channel, slack_url) = mailbox[0], slack
    record(portal, 97.5)
    make_receiver(page, slack_url)
    route_at_once(page)

    make_rule(page)

    wait_for(lambda: bool(box.messages) and bool(channel.posts), seconds=60)
    assert "FIRING" in box.subjects()[0]
    assert "High CPU usage" in box.subjects()[0]
    assert box.messages[0]["To"] == "oncall@example.com"
    text = box.messages[0].get_body(("plain",))
    html = box.messages[0].get_body(("html",))
    assert text is not None
    assert html is not None
    assert "CPU of rig-7 is at 97.5 %" in text.get_content()
    assert "CPU of rig-7 is at 97.5 %" in html.get_content()
    assert "High CPU usage" in channel.texts()[0]
    page.goto("/admin/")
    assert "High CPU usage" in page.inner_text("#content")

    record(portal, 12)

    wait_for(lambda: len(box.messages) >= 2 and len(channel.posts) >= 2, seconds=60)
    assert "RESOLVED" in box.subjects()[1]
    assert "RESOLVED" in channel.texts()[1]
    assert (len(box.messages), len(channel.posts)) == (2, 2)
    page.goto("/admin/alerts/notification/")
    assert page.locator("#result_list tbody tr").count() == 4
