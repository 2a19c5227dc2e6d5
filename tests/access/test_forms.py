from __future__ import annotations

import pytest
from django import forms

from observability.access.forms import KEEP, SecretField


class OptionalForm(forms.Form):
    password = SecretField(required=False)


class RequiredForm(forms.Form):
    password = SecretField()


def cleaned(form: forms.Form) -> str:
    assert form.is_valid(), form.errors
    return str(form.cleaned_data["password"])


def test_stored_secret_is_never_shown() -> None:
    html = OptionalForm(initial={"password": "hunter2"}).as_p()

    assert "hunter2" not in html
    assert KEEP in html


def test_typed_secret_is_not_shown_again_when_the_form_has_errors() -> None:
    form = RequiredForm({"password": "x" * 5000}, initial={"password": "hunter2"})

    assert not form.is_valid()
    assert "x" * 10 not in form.as_p()
    assert "hunter2" not in form.as_p()


def test_blank_keeps_the_stored_secret() -> None:
    form = RequiredForm({"password": ""}, initial={"password": "hunter2"})

    assert cleaned(form) == "hunter2"
    assert not form.has_changed()


def test_new_secret_replaces_the_stored_one() -> None:
    form = RequiredForm({"password": " swordfish "}, initial={"password": "hunter2"})

    assert cleaned(form) == "swordfish"
    assert form.has_changed()


def test_optional_secret_can_be_removed() -> None:
    form = OptionalForm({"password": "", "password-clear": "1"}, initial={"password": "hunter2"})

    assert cleaned(form) == ""
    assert form.has_changed()


def test_required_secret_cannot_be_removed() -> None:
    form = RequiredForm({"password": "", "password-clear": "1"}, initial={"password": "hunter2"})

    assert cleaned(form) == "hunter2"


def test_required_secret_must_be_given_once() -> None:
    assert not RequiredForm({"password": ""}).is_valid()


@pytest.mark.parametrize(
    ("form", "stored", "offered"),
    [
        pytest.param(OptionalForm, "hunter2", True, id="optional and set"),
        pytest.param(OptionalForm, "", False, id="optional and unset"),
        pytest.param(RequiredForm, "hunter2", False, id="required"),
    ],
)
def test_removal_is_offered_only_where_there_is_something_to_remove(
    form: type[forms.Form], stored: str, offered: bool
) -> None:
    html = form(initial={"password": stored}).as_p()

    assert ("password-clear" in html) is offered
