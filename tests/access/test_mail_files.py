from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from django.core.mail import EmailMessage, get_connection
from pytest_django import Settings


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.EMAIL_BACKEND = "observability.access.mail_files.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "mail"


def send(*subjects: str) -> int:
    messages = [EmailMessage(subject, "All is w\u00f6ll.", "a@example.com") for subject in subjects]
    return get_connection().send_messages(messages) or 0


def test_message_is_a_file_that_a_mail_program_opens(folder: Path) -> None:
    send("[FIRING:1] HighLoad")

    (file,) = folder.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert re.fullmatch(r"\d{8}-\d{6}-\d{6}-firing1-highload\.eml", file.name)
    assert message["Subject"] == "[FIRING:1] HighLoad"
    assert message.get_content() == "All is w\u00f6ll."
    assert not message.defects


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("", "no-subject"),
        ("../../etc/passwd", "etcpasswd"),
        ("\u706b\u707d", "no-subject"),
        ("x" * 300, "x" * 60),
    ],
    ids=["empty", "path", "no latin letter", "long"],
)
def test_name_of_the_file_is_safe_whatever_the_subject(
    folder: Path, subject: str, name: str
) -> None:
    send(subject)

    (file,) = folder.iterdir()
    assert file.name.split("-", 3)[3] == f"{name}.eml"


def test_each_message_has_a_file_of_its_own(folder: Path) -> None:
    sent = send(*["same"] * 20)

    assert sent == len(list(folder.iterdir())) == 20


def test_folder_that_cannot_be_made_is_an_error_of_sending(folder: Path) -> None:
    folder.touch()

    with pytest.raises(OSError, match="mail"):
        send("lost")
