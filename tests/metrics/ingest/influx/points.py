"""Points for tests, and line protocol written from them as its specification says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import strategies as st

Value = float | int | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One line before it is written."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    timestamp: int | None

    def line(self) -> str:
        series = ",".join(
            [
                _escaped(self.measurement, ", "),
                *(f"{_escaped(n)}={_escaped(v)}" for n, v in self.tags.items()),
            ]
        )
        fields = ",".join(f"{_escaped(n)}={_written(v)}" for n, v in self.fields.items())
        return f"{series} {fields}" + ("" if self.timestamp is None else f" {self.timestamp}")

    def numbers(self) -> dict[str, float]:
        """Return the fields that a store of numbers keeps."""
        return {name: float(v) for name, v in self.fields.items() if not isinstance(v, str)}


def _escaped(text: str, special: str = ",= ") -> str:
    return re.sub(rf"([{special}\\])", r"\\\1", text)


def _written(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return f"{value}i"
        case float():
            return repr(value)
        case str():
            return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


_text = st.text(st.characters(exclude_characters="\n\x00", exclude_categories=["Cs"]), max_size=12)
_names = _text.filter(bool)
_awkward = st.text(st.sampled_from('a,= \\"#'), min_size=1, max_size=6)
_values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(st.sampled_from('a,= \\"\n#'), max_size=8),
)

points = st.builds(
    Point,
    # Blanks before a line belong to no name, and '#' begins a comment.
    measurement=st.one_of(_names, _awkward).filter(lambda m: m[0] not in " \t\r#"),
    tags=st.dictionaries(st.one_of(_names, _awkward), st.one_of(_names, _awkward), max_size=4),
    fields=st.dictionaries(st.one_of(_names, _awkward), _values, min_size=1, max_size=4),
    timestamp=st.none() | st.integers(-(10**15), 10**18),
)
