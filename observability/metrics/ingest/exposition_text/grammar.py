"""The lines of both formats as regular expressions over bytes; none can backtrack.

Source: prometheus/docs "Exposition formats"; OpenMetrics 1.0, "ABNF". As Prometheus does, blanks
are allowed between the parts of a label set, and names that need UTF-8 stand there in quotes.
"""

from __future__ import annotations

import re

_BLANK = rb"[ \t]*+"
NAME = rb"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL_NAME = rb"[a-zA-Z_][a-zA-Z0-9_]*+"
# A backslash takes the next character with it, whichever it is.
QUOTED = rb'"(?:[^"\\\n]++|\\[^\n])*+"'
_PAIR = rb"(?:%b|%b)%b=%b%b" % (_LABEL_NAME, QUOTED, _BLANK, _BLANK, QUOTED)
_PAIRS = rb"(?:%b%b(?:,%b|(?=\})))*+" % (_PAIR, _BLANK, _BLANK)
_BRACES = rb"\{%b%b\}" % (_BLANK, _PAIRS)
_BRACES_WITH_NAME = rb"\{%b%b%b%b(?:,%b%b)?+\}" % (_BLANK, _PAIRS, QUOTED, _BLANK, _BLANK, _PAIRS)
KEY = rb"(?:%b(?:%b%b)?+|%b)" % (NAME, _BLANK, _BRACES, _BRACES_WITH_NAME)

# What Go's ParseFloat takes, without the forms that came later than the formats.
NUMBER = (
    rb"(?:[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+"
    rb"|[+-]?+(?i:inf(?:inity)?+)|(?i:nan))"
)
_MILLISECONDS = rb"-?+[0-9]{1,15}+"
_SECONDS = rb"-?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+"

# Groups: key, value, timestamp, exemplar or '', comment.
PROMETHEUS_LINE = re.compile(
    rb"^(?:%b(%b)(?:(?<=\})%b|[ \t]++)(%b)(?:[ \t]++(%b))?+%b()|%b(#[^\n]*+)?+)\n"
    % (_BLANK, KEY, _BLANK, NUMBER, _MILLISECONDS, _BLANK, _BLANK),
    re.MULTILINE,
)
OPENMETRICS_LINE = re.compile(
    rb"^(?:(%b) (%b)(?: (%b))?+( # %b %b(?: %b)?+)?+|(#[^\n]*+))\n"
    % (KEY, NUMBER, _SECONDS, _BRACES, NUMBER, _SECONDS),
    re.MULTILINE,
)

# Groups: keyword, name, the rest.
PROMETHEUS_STATEMENT = re.compile(
    rb"#%b(HELP|TYPE)(?![^ \t\n])%b(%b|%b)(?![^ \t\n])%b([^\n]*+)"
    % (_BLANK, _BLANK, NAME, QUOTED, _BLANK)
)
OPENMETRICS_STATEMENT = re.compile(rb"# (HELP|TYPE|UNIT) (%b|%b)(?: ([^\n]*+))?+" % (NAME, QUOTED))

ITEM = re.compile(rb"(?:(%b|%b)%b=%b)?+(%b)" % (_LABEL_NAME, QUOTED, _BLANK, _BLANK, QUOTED))
BRACES = re.compile(_BRACES)
