"""A real Chromium for tests; they skip, and say so, where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    """Run Chromium without a window; skip the test when the machine has none."""
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        pytest.skip("no Chromium on this machine; Debian has it as `chromium`")
    # Chromium's own sandbox refuses to run as root.
    arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
