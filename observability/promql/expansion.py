"""Templates with the groups of a regular expression, as Go writes them: `$1`, `$name`, `${name}`."""

import re

_TEMPLATE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def expand(template: str, found: "re.Match[str]") -> str:
    """Return the template with groups in place of their names; `$$` is a dollar, an unknown group nothing."""

    def value(place: "re.Match[str]") -> str:
        dollar, braced, plain = place.groups()
        if dollar:
            return "$"
        name = braced or plain
        try:
            return found.group(int(name) if name.isdigit() and len(name) < 10 else name) or ""
        except (IndexError, KeyError):
            return ""

    return _TEMPLATE.sub(value, template)
