"""Printing as Go's fmt does: `print`, `println` and `printf` with its verbs, flags and complaints.

Source: Go, fmt/print.go and fmt/format.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from alerts.templating.errors import FunctionError
from alerts.templating.floats import format_float
from alerts.templating.kinds import Kind, Struct, Typed, type_of
from alerts.templating.limits import BoundedText
from alerts.templating.literals import quote, quote_character
from alerts.templating.octets import to_octets
from alerts.templating.values import sorted_items

_MAX_WIDTH = 1_000_000
_STRING_VERBS = "vsqxX"
_DIGITS = "0123456789"


def sprint(*arguments: object) -> str:
    """Return the values one behind the other, with a space between two that are no texts."""
    printer = _Printer()
    was_text = True
    for argument in arguments:
        is_text = argument is not None and type_of(argument).kind is Kind.STRING
        if not is_text and not was_text:
            printer.out.write(" ")
        printer.argument(argument, "v")
        was_text = is_text
    return str(printer.out)


def sprintln(*arguments: object) -> str:
    """Return the values with spaces between them, and the end of a line."""
    printer = _Printer()
    for position, argument in enumerate(arguments):
        if position:
            printer.out.write(" ")
        printer.argument(argument, "v")
    printer.out.write("\n")
    return str(printer.out)


def sprintf(template: str, *arguments: object) -> str:
    """Return the format with the values in it; what does not fit is shown in place, as Go does."""
    return _Format(template, arguments).run()


@dataclass(slots=True)
class _Flags:
    sharp: bool = False
    zero: bool = False
    plus: bool = False
    minus: bool = False
    space: bool = False
    names_fields: bool = False
    is_syntax: bool = False
    width: int | None = None
    precision: int | None = None

    def for_value(self) -> None:
        """Read `+` and `#` as `%v` does: names of fields, and Go's own syntax."""
        self.names_fields, self.plus = self.plus, False
        self.is_syntax, self.sharp = self.sharp, False


class _Printer:
    def __init__(self) -> None:
        self.out = BoundedText()
        self.flags = _Flags()
        self._is_complaining = False

    def argument(self, value: object, verb: str, depth: int = 0) -> None:
        """Print one value by a verb."""
        if value is None:
            if depth:
                self.out.write("interface {}(nil)" if self.flags.is_syntax else "<nil>")
            elif verb in "Tv":
                self._pad("<nil>")
            else:
                self._complain(value, verb)
            return
        of = type_of(value)
        if verb == "T":
            self._text(of.name, "s")
            return
        if isinstance(value, Typed) and self._by_method(value, verb):
            return
        match of.kind:
            case Kind.BOOL if verb in "tv":
                self._pad("true" if value else "false")
            case Kind.STRING if verb in _STRING_VERBS:
                self._text(cast("str", value), verb)
            case Kind.INT | Kind.UINT if verb in "vdboOxXcqU":
                self._integer(cast("int", value), verb)
            case Kind.FLOAT if verb in "vbgGxXfFeE":
                self._float(cast("float", value), verb)
            case Kind.COMPLEX if verb in "vbgGxXfFeE":
                self._complex(cast("complex", value), verb)
            case Kind.SLICE:
                self._slice(cast("Sequence[object]", value), verb, depth)
            case Kind.MAP:
                self._map(cast("Mapping[str, object]", value), verb, depth)
            case Kind.STRUCT | Kind.POINTER if isinstance(value, Struct):
                self._struct(value, verb, depth)
            case _:
                self._complain(value, verb)

    def _by_method(self, value: Typed, verb: str) -> bool:
        method = value.methods.get("String")
        if (
            method is None
            or self._is_complaining
            or verb not in _STRING_VERBS
            or self.flags.is_syntax
        ):
            return False
        self._text(cast("str", method.call(value)), verb)
        return True

    def _complain(self, value: object, verb: str) -> None:
        was_complaining, self._is_complaining = self._is_complaining, True
        if value is None:
            self.out.write(f"%!{verb}(<nil>)")
        else:
            self.out.write(f"%!{verb}({type_of(value)}=")
            self._shown(value)
            self.out.write(")")
        self._is_complaining = was_complaining

    def _shown(self, value: object) -> None:
        if type_of(value).kind is Kind.FUNCTION:
            self.out.write("0x0")
        elif isinstance(value, Typed) and "String" in value.methods:
            self.out.write(cast("str", value.methods["String"].call(value)))
        else:
            self.argument(value, "v")

    def _pad(self, text: str) -> None:
        missing = (self.flags.width or 0) - len(text)
        if missing <= 0:
            self.out.write(text)
            return
        padding = ("0" if self.flags.zero and not self.flags.minus else " ") * missing
        self.out.write(text + padding if self.flags.minus else padding + text)

    def _text(self, text: str, verb: str) -> None:
        if verb in "xX":
            self._hexadecimal_text(text, verb)
            return
        if self.flags.precision is not None:
            text = text[: self.flags.precision]
        if verb == "q" or (verb == "v" and self.flags.is_syntax):
            is_raw = self.flags.sharp and "`" not in text and (text.isprintable() or not text)
            if is_raw:
                text = f"`{text}`"
            else:
                text = quote(text)
                if self.flags.plus:
                    text = "".join(map(_ascii, text))
        self._pad(text)

    def _hexadecimal_text(self, text: str, verb: str) -> None:
        octets = to_octets(text)[: self.flags.precision]
        prefix = "0x" if self.flags.sharp else ""
        if self.flags.space:
            shown = " ".join(f"{prefix}{octet:02x}" for octet in octets)
        else:
            shown = prefix + octets.hex() if octets else ""
        self._pad(shown.upper() if verb == "X" else shown)

    def _integer(self, value: int, verb: str) -> None:
        match verb:
            case "c":
                is_valid = 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
                self._pad(chr(value) if is_valid else "\ufffd")
            case "q":
                text = quote_character(value)
                self._pad("".join(map(_ascii, text)) if self.flags.plus else text)
            case "U":
                self._unicode(value)
            case _:
                self._whole_number(value, verb)

    def _whole_number(self, value: int, verb: str) -> None:
        digits = format(abs(value), {"d": "d", "v": "d", "O": "o"}.get(verb, verb))
        flags = self.flags
        if flags.precision is not None:
            if flags.precision == 0 and value == 0:
                self.out.write(" " * (flags.width or 0))
                return
            digits = digits.rjust(flags.precision, "0")
        elif flags.zero and not flags.minus and flags.width is not None:
            has_sign = value < 0 or flags.plus or flags.space
            digits = digits.rjust(flags.width - has_sign, "0")
        prefix = "0o" if verb == "O" else ""
        if flags.sharp:
            prefix += {"b": "0b", "x": "0x", "X": "0X", "o": "" if digits[0] == "0" else "0"}.get(
                verb, ""
            )
        sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
        self._pad_with_spaces(sign + prefix + digits)

    def _unicode(self, value: int) -> None:
        text = f"U+{value & 0xFFFFFFFFFFFFFFFF:0{max(4, self.flags.precision or 0)}X}"
        if self.flags.sharp and 0 <= value <= 0x10FFFF and chr(value).isprintable():
            text += f" '{chr(value)}'"
        self._pad_with_spaces(text)

    def _pad_with_spaces(self, text: str) -> None:
        zero, self.flags.zero = self.flags.zero, False
        self._pad(text)
        self.flags.zero = zero

    def _float(self, value: float, verb: str) -> None:
        flags = self.flags
        text = format_float(
            value,
            "g" if verb == "v" else verb,
            flags.precision,
            keeps_zeros=flags.sharp and verb != "b",
        )
        if text[0] not in "+-":
            sign = "+" if flags.plus else " " if flags.space else ""
            text = sign + text
        elif text[0] == "+" and flags.space and not flags.plus:
            text = " " + text[1:]
        if text[-1] in "fN":
            self._pad_with_spaces(text)
            return
        if flags.zero and not flags.minus and text[0] in "+- ":
            text = text[0] + text[1:].rjust((flags.width or 0) - 1, "0")
        self._pad(text)

    def _complex(self, value: complex, verb: str) -> None:
        plus = self.flags.plus
        self.out.write("(")
        self._float(value.real, verb)
        self.flags.plus = True
        self._float(value.imag, verb)
        self.flags.plus = plus
        self.out.write("i)")

    def _slice(self, items: Sequence[object], verb: str, depth: int) -> None:
        is_syntax = self.flags.is_syntax
        self.out.write(f"{type_of(items)}{{" if is_syntax else "[")
        for position, item in enumerate(items):
            if position:
                self.out.write(", " if is_syntax else " ")
            self.argument(item, verb, depth + 1)
        self.out.write("}" if is_syntax else "]")

    def _map(self, mapping: Mapping[str, object], verb: str, depth: int) -> None:
        is_syntax = self.flags.is_syntax
        self.out.write(f"{type_of(mapping)}{{" if is_syntax else "map[")
        for position, (key, value) in enumerate(sorted_items(mapping)):
            if position:
                self.out.write(", " if is_syntax else " ")
            self.argument(key, verb, depth + 1)
            self.out.write(":")
            self.argument(value, verb, depth + 1)
        self.out.write("}" if is_syntax else "]")

    def _struct(self, value: Struct, verb: str, depth: int) -> None:
        is_syntax = self.flags.is_syntax
        name = type_of(value).name
        self.out.write("&" if name.startswith("*") else "")
        self.out.write((name.lstrip("*") if is_syntax else "") + "{")
        for position, (field, attribute) in enumerate(value.fields.items()):
            if position:
                self.out.write(", " if is_syntax else " ")
            if is_syntax or self.flags.names_fields:
                self.out.write(f"{field}:")
            self.argument(getattr(value, attribute), verb, depth + 1)
        self.out.write("}")


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Format:
    """One format and the values for it."""

    def __init__(self, template: str, arguments: Sequence[object]) -> None:
        self._template = template
        self._arguments = arguments
        self._printer = _Printer()
        self._position = 0
        self._next = 0
        self._is_reordered = False
        self._is_good_index = True

    def run(self) -> str:
        out = self._printer.out
        while True:
            percent = self._template.find("%", self._position)
            if percent < 0:
                out.write(self._template[self._position :])
                break
            out.write(self._template[self._position : percent])
            self._position = percent + 1
            self._verb()
        if not self._is_reordered and self._next < len(self._arguments):
            self._extra()
        return str(out)

    def _peek(self) -> str:
        return self._template[self._position : self._position + 1]

    def _verb(self) -> None:
        flags = self._printer.flags = _Flags()
        self._is_good_index = True
        self._read_flags(flags)
        has_index = self._argument_index()
        has_index = self._width(flags, has_index=has_index)
        has_index = self._precision(flags, has_index=has_index)
        if not has_index:
            self._argument_index()
        verb = self._peek()
        self._position += 1
        out = self._printer.out
        if not verb:
            out.write("%!(NOVERB)")
        elif verb == "%":
            out.write("%")
        elif not self._is_good_index:
            out.write(f"%!{verb}(BADINDEX)")
        elif self._next >= len(self._arguments):
            out.write(f"%!{verb}(MISSING)")
        else:
            if verb == "v":
                flags.for_value()
            self._printer.argument(self._arguments[self._next], verb)
            self._next += 1

    def _read_flags(self, flags: _Flags) -> None:
        while True:
            match self._peek():
                case "#":
                    flags.sharp = True
                case "0":
                    flags.zero = not flags.minus
                case "+":
                    flags.plus = True
                case "-":
                    flags.minus, flags.zero = True, False
                case " ":
                    flags.space = True
                case _:
                    return
            self._position += 1

    def _width(self, flags: _Flags, *, has_index: bool) -> bool:
        if self._peek() == "*":
            self._position += 1
            flags.width = self._number_argument()
            if flags.width is None:
                self._printer.out.write("%!(BADWIDTH)")
            elif flags.width < 0:
                flags.width, flags.minus, flags.zero = -flags.width, True, False
            return False
        flags.width = self._number()
        if has_index and flags.width is not None:
            self._is_good_index = False
        return has_index

    def _precision(self, flags: _Flags, *, has_index: bool) -> bool:
        if self._peek() != ".":
            return has_index
        self._position += 1
        if has_index:
            self._is_good_index = False
        has_index = self._argument_index()
        if self._peek() == "*":
            self._position += 1
            precision = self._number_argument()
            flags.precision = None if precision is None or precision < 0 else precision
            if flags.precision is None:
                self._printer.out.write("%!(BADPREC)")
            return False
        flags.precision = self._number() or 0
        return has_index

    def _number(self) -> int | None:
        start = self._position
        while self._peek() and self._peek() in _DIGITS:
            self._position += 1
        digits = self._template[start : self._position]
        if not digits:
            return None
        if len(digits) > 8 or int(digits[:-1] or 0) > _MAX_WIDTH:
            # As if the format ended here.
            self._position = len(self._template)
            return None
        return int(digits)

    def _number_argument(self) -> int | None:
        if self._next >= len(self._arguments):
            return None
        value = self._arguments[self._next]
        self._next += 1
        if value is None or type_of(value).kind not in (Kind.INT, Kind.UINT):
            return None
        number = int(cast("int", value))
        return number if abs(number) <= _MAX_WIDTH else None

    def _argument_index(self) -> bool:
        """Read `[2]`, if it stands here; say whether it was read."""
        if self._peek() != "[":
            return False
        self._is_reordered = True
        end = self._template.find("]", self._position)
        if end < 0:
            self._is_good_index = False
            self._position += 1
            return False
        digits = self._template[self._position + 1 : end]
        self._position = end + 1
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= 7
        index = int(digits) - 1 if is_number else -1
        if 0 <= index < len(self._arguments):
            self._next = index
            return True
        self._is_good_index = False
        return is_number

    def _extra(self) -> None:
        printer = self._printer
        printer.flags = _Flags()
        printer.out.write("%!(EXTRA ")
        for position, argument in enumerate(self._arguments[self._next :]):
            if position:
                printer.out.write(", ")
            if argument is None:
                printer.out.write("<nil>")
            else:
                printer.out.write(f"{type_of(argument)}=")
                printer.argument(argument, "v")
        printer.out.write(")")


def printed(value: object) -> str:
    """Return a value as an action prints it; nothing there is `<no value>`.

    Raises:
        FunctionError: The value is a function, or too long.
    """
    if isinstance(value, str) and type(value) is str:
        return value
    if value is None:
        return "<no value>"
    if type_of(value).kind is Kind.FUNCTION:
        raise FunctionError(f"of type {type_of(value)}")
    text = sprint(value)
    # A pointer is followed, so that its struct is printed without the sign for it.
    return text[1:] if type_of(value).kind is Kind.POINTER and text.startswith("&") else text
