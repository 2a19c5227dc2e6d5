from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.management import get_commands
from django.test import Client
from django.urls import resolve

from dashboards.panels import Unit, read_config
from observability.access.keys import create_key
from observability.access.scopes import Scope
from observability.embedded.locations import PROJECT_DIR
from tests.setting_names import project_files, read_settings, secret_settings

DOCUMENTS = [*project_files("*.md"), *project_files("docs/**/*.md")]
SETTINGS = PROJECT_DIR / "docs" / "settings.md"
README = PROJECT_DIR / "README.md"


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT_DIR))


def blocks(document: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language, without the indentation of a list they stand in."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(rf"^[ ]*```{language}\n(.*?)^[ ]*```$", text, re.M | re.S)
    return [textwrap.dedent(block) for block in found]


def settings_rows(document: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the names and the rest of each row of the tables of variables."""
    in_table = False
    for line in document.read_text(encoding="utf-8").splitlines():
        in_table = line.startswith("|") and (in_table or line.startswith("| Variable"))
        if in_table and (names := re.findall(r"`([A-Z_]+)`", line.split("|")[1])):
            yield names, line


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A curl command of a document."""

    document: str
    method: str
    url: str
    body: str
    content_type: str

    def __str__(self) -> str:
        return f"{self.document}: {self.method} {self.url}"


def examples(document: Path) -> Iterator[Example]:
    """Yield the calls of the portal in a document's shell blocks."""
    for block in blocks(document, "sh"):
        for words in commands(block):
            if words[:1] == ["curl"]:
                yield _example(document, words[1:])


def commands(block: str) -> Iterator[list[str]]:
    """Yield the commands of a shell block as words; a quoted text may go over several lines."""
    command = ""
    for line in block.replace("\\\n", " ").splitlines():
        command += f"{line}\n"
        try:
            words = shlex.split(command, comments=True)
        except ValueError:  # a quotation that is still open
            continue
        yield words
        command = ""


def _example(document: Path, words: list[str]) -> Example:
    url, method, data, headers = "", "", [], []
    is_get = "-G" in words
    arguments = iter(word for word in words if word != "-G")
    for word in arguments:
        match word:
            case "-X":
                method = next(arguments)
            case "-H":
                headers.append(next(arguments))
            case "-d":
                data.append(next(arguments))
            case "--data-urlencode":
                name, _, value = next(arguments).partition("=")
                data.append(urlencode({name: value}))
            case _:
                url = re.sub(r"^(\$PORTAL|http://localhost:8000)", "", word)
    if is_get:
        url, data = f"{url}?{'&'.join(data)}", []
    return Example(
        document=document.name,
        method=method or ("POST" if data else "GET"),
        url=url,
        body="&".join(data),
        content_type=next(
            (h.removeprefix("Content-Type: ") for h in headers if h.startswith("Content-Type: ")),
            "application/x-www-form-urlencoded",
        ),
    )


EXAMPLES = [example for document in DOCUMENTS for example in examples(document)]


def test_settings_document_describes_every_variable_that_is_read() -> None:
    described = [name for names, _ in settings_rows(SETTINGS) for name in names]

    assert sorted(described) == sorted(read_settings())


def test_settings_document_marks_what_can_be_given_as_a_file() -> None:
    marked = {n for names, row in settings_rows(SETTINGS) if "*Secret.*" in row for n in names}

    assert marked == secret_settings()


def test_settings_in_the_readme_exist() -> None:
    named = {name for names, _ in settings_rows(README) for name in names}

    assert named
    assert named <= read_settings()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    files = [link.partition("#")[0] for link in links if not urlsplit(link).scheme]

    assert [file for file in files if not (document.parent / file).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    folders = "deploy|docs|tests|observability|alerts|dashboards|pool|templates|static"
    named = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text))

    assert [path for path in sorted(named) if not (PROJECT_DIR / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    shell = "\n".join([*blocks(document, "sh"), *re.findall(r"`([^`\n]+)`", text)])
    makefile = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))

    made = set(re.findall(r"(?:^|\s)make ([a-z]+)", shell, re.M))
    managed = set(re.findall(r"manage\.py ([a-z_]+)", shell))

    assert made <= targets
    assert managed <= set(get_commands())


def test_first_steps_name_pages_that_are_in_the_sidebar() -> None:
    from observability.access.navigation import registered_entries  # noqa: PLC0415 (apps are ready only now)

    entries = {f"{entry.section} > {entry.title}" for entry in registered_entries()}
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)

    named = set(re.findall(r"\*{1,2}([A-Z][a-z]+ > [A-Z][A-Za-z ]+)\*{1,2}", text))

    assert named
    assert named <= entries


def test_there_are_examples() -> None:
    assert {example.document for example in EXAMPLES} >= {"README.md", "api.md"}
    assert len(EXAMPLES) >= 15


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example_leads_to_a_view(example: Example) -> None:
    assert resolve(urlsplit(example.url).path).url_name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example_works(example: Example, client: Client) -> None:
    # The first alert of a real portal, which this one may not have; a password that is not told.
    expected = {
        "/api/alerts/1/resolve": {200, 404},
        "/api/alert-rules/7/history": {200, 404},
        "/api/alert-rules/7/revert": {200, 404},
        "/api/rule-groups/2/order": {200, 404},
        "/api/alerts/1/acknowledge": {200, 404},
        "/api/alerts/1/comments": {201, 404},
        "/api/admin/login": {401},
    }
    _, token = create_key(name="examples", scopes=list(Scope))

    response = client.generic(
        example.method,
        example.url,
        example.body,
        content_type=example.content_type,
        headers={"Authorization": f"Bearer {token}"},
    )

    assert response.status_code in expected.get(example.url, {200, 201, 202, 204}), response.content


def test_dashboard_example_can_be_shown() -> None:
    document = PROJECT_DIR / "docs" / "dashboards.md"
    (example,) = blocks(document, "json")
    text = document.read_text(encoding="utf-8")

    assert len(read_config(json.loads(example)).panels) == 2
    assert [unit for unit in Unit if unit and f"`{unit}`" not in text] == []


def test_scopes_in_the_documents_exist() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)

    named = set(re.findall(r"--scope ([a-z:]+)", text))

    assert named
    assert named <= set(Scope.values)
