"""The fields of the forms of scraping: lines, labels, durations and rules as people type them."""

from __future__ import annotations

from typing import Any

import yaml
from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from observability.access.key_form import LabelsField
from observability.metrics.naming import LABEL_NAME_PATTERN, label_value_fault
from observability.metrics.scraping.errors import RelabelError
from observability.metrics.scraping.relabeling import read_rules
from observability.metrics.scraping.yaml_text import YamlError, load_yaml
from observability.promql.durations import format_duration, parse_duration_ms


class DurationField(forms.CharField):
    """A duration such as `15s`; milliseconds inside."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """Return the text to show."""
        return format_duration(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int:
        """Return milliseconds."""
        try:
            return parse_duration_ms(str(super().clean(value)).strip())
        except ValueError as error:
            raise ValidationError(f"{error}; write for example 15s or 1m30s.") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return super().has_changed(self.prepare_value(initial), data)


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Return the lines to show."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the texts, each once; commas divide as well."""
        if isinstance(value, list):
            return value
        words = str(value or "").replace(",", "\n").splitlines()
        return list(dict.fromkeys(word.strip() for word in words if word.strip()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return bool(self.to_python(initial) != self.to_python(data))


class TargetLabelsField(LabelsField):
    """Labels of targets; unlike those of keys they may begin with `__`, for relabeling."""

    def to_python(self, value: Any) -> Any:
        """Return the labels; raises `ValidationError` naming the line that is none."""
        if isinstance(value, dict):
            return value
        labels: dict[str, str] = {}
        for line in filter(str.strip, str(value or "").splitlines()):
            name, equals, text = (part.strip() for part in line.partition("="))
            if not equals or not LABEL_NAME_PATTERN.fullmatch(name):
                raise ValidationError(f"{line.strip()!r} is not of the form name=value.")
            if fault := label_value_fault(text):
                raise ValidationError(f"{name}: {fault}.")
            if name in labels:
                raise ValidationError(f"The label {name!r} is there twice.")
            labels[name] = text
        return labels


class ParamsField(forms.CharField):
    """URL parameters, one `name=value` a line; a name may be there several times."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Return the lines to show."""
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{name}={text}" for name, texts in value.items() for text in texts)

    def to_python(self, value: Any) -> Any:
        """Return the values by name."""
        if isinstance(value, dict):
            return value
        params: dict[str, list[str]] = {}
        for line in filter(str.strip, str(value or "").splitlines()):
            name, equals, text = (part.strip() for part in line.partition("="))
            if not equals or not name:
                raise ValidationError(f"{line.strip()!r} is not of the form name=value.")
            params.setdefault(name, []).append(text)
        return params

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return super().has_changed(self.prepare_value(initial or {}), data)


class RulesField(forms.CharField):
    """Relabeling rules as in `prometheus.yml`: a list in YAML, or in JSON."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """Return the YAML to show."""
        if not isinstance(value, list):
            return value
        return str(yaml.safe_dump(value, sort_keys=False, width=1000)) if value else ""

    def to_python(self, value: Any) -> Any:
        """Return the rules as they are stored; raises `ValidationError` naming the rule that is none."""
        if isinstance(value, list):
            return value
        try:
            rules = load_yaml(str(value or "")) or []
        except YamlError as error:
            raise ValidationError(f"Not valid YAML: {error}") from error
        if isinstance(rules, dict) and len(rules) == 1:
            # Whoever copies from prometheus.yml copies the name of the list, too.
            [(name, listed)] = rules.items()
            rules = listed if name in {"relabel_configs", "metric_relabel_configs"} else rules
        try:
            read_rules(rules)
        except RelabelError as error:
            raise ValidationError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error
        return rules

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare texts."""
        return super().has_changed(self.prepare_value(initial or []), data)
