"""Fields that the serializers of rules, groups and alerts share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from alerts.rules.definition import read_duration_ms
from alerts.rules.errors import InvalidRuleError
from observability.promql.durations import format_duration
from observability.promql.matchers import MatchOp

_Value = TypeVar("_Value")
_Model = TypeVar("_Model")


def checked(check: Callable[..., _Value], *args: Any) -> _Value:
    """Return what `check` returns, its problems turned into the API's errors."""
    try:
        return check(*args)
    except InvalidRuleError as error:
        raise serializers.ValidationError(
            {problem.field: [problem.message] for problem in error.problems}
        ) from error


class KnownFieldsSerializer(serializers.Serializer[_Model]):
    """Refuses fields that it does not know: one that is misspelled would be lost unnoticed."""

    def shown_fields(self) -> Iterable[str]:
        """Return what answers hold, which may be sent back; what cannot be set is passed over."""
        return ()

    def other_names(self) -> Mapping[str, str]:
        """Return what others call its fields, with the names that they have here."""
        return {}

    def to_internal_value(self, data: Any) -> Any:
        """Return the values."""
        if isinstance(data, Mapping):
            known = {*self.fields, *self.shown_fields()}
            if unknown := [str(name) for name in data if name not in known]:
                raise serializers.ValidationError({name: self._unknown(name) for name in unknown})
        return super().to_internal_value(data)

    def _unknown(self, name: str) -> list[str]:
        meant = self.other_names().get(name)
        return [f"there is no such field{f'; did you mean {meant}?' if meant else ''}"]


class TextField(serializers.CharField):
    """A text; a number is refused, or `1e999` would become the name `inf`."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class LabelsField(serializers.DictField):
    """Names with texts."""

    child = TextField(allow_blank=True, trim_whitespace=False, max_length=10_000)


@extend_schema_field(OpenApiTypes.STR)
class DurationField(serializers.Field[int, Any, str, Any]):
    """A duration such as `5m`, as milliseconds inside."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str):
            raise serializers.ValidationError("expected a duration such as 30s, 5m or 1h30m")
        try:
            return read_duration_ms(str(self.field_name), data)
        except InvalidRuleError as error:
            raise serializers.ValidationError(error.problems[0].message) from error

    def to_representation(self, value: int) -> str:
        return format_duration(value)


class FilterSerializer(serializers.Serializer[Any]):
    label = TextField()  # type: ignore[assignment] # a field of this name on the wire
    operator = serializers.ChoiceField(choices=[str(op) for op in MatchOp], default="=")
    value = TextField(allow_blank=True, trim_whitespace=False)


def without_place(
    place: str, check: Callable[[dict[str, str]], None], values: dict[str, str]
) -> dict[str, str]:
    """Check labels or annotations; the place is left to DRF, which knows the field already."""
    try:
        check(values)
    except InvalidRuleError as error:
        raise serializers.ValidationError(
            {
                problem.field.removeprefix(place)
                if problem.field.startswith(place)
                else api_settings.NON_FIELD_ERRORS_KEY: [problem.message]
                for problem in error.problems
            }
        ) from error
    return values
