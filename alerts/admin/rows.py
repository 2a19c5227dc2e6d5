"""A form field of several short rows, such as label filters; rows can be added and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One cell of each row.

    Attributes:
        name: Its key in a row.
        label: What it is called.
        choices: What can be chosen; any text when empty.
        datalist: Id of a datalist on the page that offers values; '' for none.
        placeholder: What an empty cell shows.
    """

    name: str
    label: str
    choices: tuple[str, ...] = ()
    datalist: str = ""
    placeholder: str = ""


class RowsWidget(forms.Widget):
    """Shows rows, an empty one at their end; the rest is up to `portal/rows.js`."""

    template_name = "alerts/rows.html"

    class Media:
        js = ("portal/rows.js",)

    def __init__(self, columns: Sequence[Column], *, add_label: str) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.add_label = add_label

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: Any = None,
    ) -> SafeString:
        # The renderer of other widgets knows no template of ours.
        return super().render(name, value, attrs, TemplatesSetting())

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        rows = [*(value or []), {}]
        context["widget"] |= {
            "rows": [[self._cell(name, column, row) for column in self.columns] for row in rows],
            "blank": [self._cell(name, column, {}) for column in self.columns],
            "add_label": self.add_label,
        }
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        columns = [data.getlist(f"{name}-{column.name}") for column in self.columns]
        names = [column.name for column in self.columns]
        texts = [column.name for column in self.columns if not column.choices]
        rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=False)]
        return [row for row in rows if any(row[text].strip() for text in texts)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-{self.columns[0].name}" not in data

    def id_for_label(self, id_: str) -> str:
        return f"{id_}-0"

    def _cell(self, name: str, column: Column, row: Mapping[str, str]) -> dict[str, Any]:
        return {
            "name": f"{name}-{column.name}",
            "column": column,
            "value": row.get(column.name, ""),
            "classes": " ".join(SELECT_CLASSES if column.choices else INPUT_CLASSES),
        }


class RowsField(forms.Field):
    """A list of rows; empty rows are left out."""

    widget: RowsWidget

    def clean(self, value: Any) -> list[Row]:
        return value or []

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != (data or [])


class PairsField(RowsField):
    """Names with values, such as labels: rows on the page, a dictionary inside."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return [{"name": name, "value": text} for name, text in value.items()]
        return value

    def clean(self, value: Any) -> dict[str, str]:  # type: ignore[override] # what the form works on
        pairs: dict[str, str] = {}
        for row in super().clean(value):
            name = row["name"].strip()
            if name in pairs:
                raise forms.ValidationError(f"{name} stands here twice.", code="duplicate")
            pairs[name] = row["value"]
        return pairs

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
