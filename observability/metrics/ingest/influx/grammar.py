"""The grammar of InfluxDB line protocol, as regular expressions over bytes.

A line is `measurement,tag=value,... field=value,... timestamp`; a backslash takes the meaning from
the character after it. All repetitions are possessive, so that no line, however hostile, costs more
than a few looks at each of its bytes.

Source: InfluxDB v2, "Line protocol" (docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol).
"""

from __future__ import annotations

import re

# Empty for a series that is named after its field alone, as VictoriaMetrics takes it.
MEASUREMENT = rb"[^\\, \n]*+(?:\\.[^\\, \n]*+)*+"
# A tag's name or value, a field's name: at least one character.
NAME = rb"(?:[^\\,= \n]++(?:\\.[^\\,= \n]*+)*+|(?:\\.[^\\,= \n]*+)++)"
TAG = NAME + rb"=" + NAME
_EXPONENT = rb"(?:[eE][-+]?[0-9]++)?+"
_NUMBER = (
    rb"[-+]?(?:[0-9]++(?:[iu]|(?:\.[0-9]*+)?+" + _EXPONENT + rb")|\.[0-9]++" + _EXPONENT + rb")"
)
_BOOLEAN = rb"(?:[tT](?:rue)?+|TRUE|[fF](?:alse)?+|FALSE)"
# May go over several lines.
STRING = rb'"[^"\\]*+(?:\\[\s\S][^"\\]*+)*+"'
FIELD = NAME + rb"=(?:" + _NUMBER + rb"|" + _BOOLEAN + rb"|" + STRING + rb")"

LINE = re.compile(
    # Series, fields and timestamp of a point ...
    rb"[ \t\r]*+(?!\#)(" + MEASUREMENT + rb"(?:," + TAG + rb")*+)"
    rb" ++(" + FIELD + rb"(?:," + FIELD + rb")*+)"
    rb"(?: ++(-?(?:[1-8][0-9]{18}|[0-9]{1,18}+)))?+ *+\r?(?:\n|\Z)"
    # ... or whatever else stands on a line: nothing, a comment, or something wrong.
    rb"|([^\n]*+)(?:\n|\Z)"
)
# In fields that are right: a name with a number, with a boolean, or with neither, which is a text.
FIELDS = re.compile(
    rb"(" + NAME + rb")=(?:([-+.0-9][-+.0-9eE]*+)[iu]?+|([a-zA-Z]++)|" + STRING + rb")"
)
