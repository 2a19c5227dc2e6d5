"""A running portal whose rules are imported, and whose rows are looked at from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg2

from observability.embedded.locations import PROJECT_DIR, embedded_database_url
from tests.embedded.portal_process import PortalProcess, environment

KEY = "op_faults00_0123456789abcdefghijABCDEFGHIJ0123456789abc"
HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "Content-Type": "application/json",
    "Accept": "application/json",
}


def call(portal: PortalProcess, method: str, path: str, body: Any = None) -> Any:
    """Return what the portal answers to a request that it accepts."""
    client = HTTPConnection("127.0.0.1", portal.port, timeout=60)
    try:
        client.request(method, path, None if body is None else json.dumps(body), HEADERS)
        response = client.getresponse()
        text = response.read()
        assert response.status < 300, text
        return json.loads(text)
    finally:
        client.close()


def write(portal: PortalProcess, name: str, values: dict[str, float]) -> None:
    """Write a sample of now for each instance."""
    samples = [
        {"name": name, "labels": {"instance": instance}, "value": value}
        for instance, value in values.items()
    ]
    call(portal, "POST", "/api/metrics", samples)


def query(portal: PortalProcess, expr: str) -> list[dict[str, Any]]:
    """Return what an expression gives now."""
    answer = call(portal, "GET", f"/api/v1/query?{urlencode({'query': expr})}")
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


def import_rules(portal: PortalProcess, file: Path) -> None:
    """Import a rule file."""
    command(portal, "manage.py", "import_rules", str(file))


def command(portal: PortalProcess, *arguments: str) -> None:
    """Run a program of the portal and wait for its end."""
    subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=environment(portal.data_dir, portal.port),
        check=True,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def another(portal: PortalProcess, *arguments: str) -> Iterator[psutil.Process]:
    """Run one more program of the portal beside those that the supervisor keeps."""
    with subprocess.Popen(
        [sys.executable, "-m", "celery", "--app", "observability.celery", *arguments],
        cwd=PROJECT_DIR,
        env=environment(portal.data_dir, portal.port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def rows(portal: PortalProcess, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement in the portal's database."""
    connection = psycopg2.connect(embedded_database_url(portal.data_dir))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def worker_processes(portal: PortalProcess) -> list[psutil.Process]:
    """Return the processes of the timely worker, the one above the others first."""
    above = portal.process_of("timely")
    return [] if above is None else [above, *above.children(recursive=True)]


def kill(processes: list[psutil.Process]) -> None:
    """Kill processes as `kill -9` does, all at once."""
    for process in processes:
        if process.is_running():
            os.kill(process.pid, 9)
