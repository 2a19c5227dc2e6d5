"""The forms in which operators give rule files, and choose what goes into one."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alerts.models import RuleGroup, WatchedRuleFile
from alerts.rules.files.targets import Version, read_version
from alerts.rules.importing.imports import MAX_FILE_NAME_LENGTH

OWN = "-"
"""Stands for groups that were made in the portal, where '' stands for all."""


class ImportForm(forms.Form):
    """A rule file, as an upload or as text."""

    upload = forms.FileField(label="Rule file", required=False)
    text = forms.CharField(
        label="Or its text",
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "spellcheck": "false"}),
    )
    name = forms.CharField(
        label="Keep its groups under the name",
        required=False,
        max_length=MAX_FILE_NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "node.yml"}),
        help_text="Groups are told apart by file and name; the next import under this name changes"
        " them. Empty: the name of the uploaded file, or of pasted text groups of the portal itself.",
    )
    prune = forms.BooleanField(
        label="Remove groups of this name that are not in the file any more", required=False
    )

    def clean(self) -> dict[str, Any]:
        """Take the uploaded file as text, and its name where none is given."""
        values: dict[str, Any] = super().clean() or {}
        upload = values.get("upload")
        if upload is not None:
            try:
                values["text"] = upload.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("upload", "This file is not in UTF-8.")
            values["name"] = values.get("name") or upload.name
        elif not values.get("text", "").strip():
            self.add_error("upload", "Choose a file, or paste its text.")
        # Browsers send every line break as two characters.
        values["text"] = values.get("text", "").replace("\r\n", "\n")
        return values

    @property
    def is_watched(self) -> bool:
        """Whether a file of this name lies in the watched folder."""
        name = self.cleaned_data["name"]
        return bool(name) and (
            WatchedRuleFile.objects.filter(name=name).exists()
            or RuleGroup.objects.filter(file=name, is_provisioned=True).exists()
        )


class ExportForm(forms.Form):
    """Which groups go into a file, and who is to read it."""

    file = forms.ChoiceField(label="Groups", required=False, widget=UnfoldAdminSelectWidget)
    target = forms.CharField(
        label="For Prometheus",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2.42", "list": "targets"}),
        help_text="Its version: what it does not know is left out and told at the top of the file."
        " Empty: for the portal itself, with all that rules have here.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        files = RuleGroup.objects.order_by("file").values_list("file", flat=True).distinct()
        choices = [(file or OWN, file or "those made in the portal") for file in files]
        field = self.fields["file"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [("", "all"), *choices]

    def clean_target(self) -> Version | None:
        """Return the version, None for the portal itself."""
        text = self.cleaned_data["target"].strip()
        try:
            return read_version(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from error
