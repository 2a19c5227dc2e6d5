"""Annotations and what Prometheus 2.42 makes of them, by `promtool test rules`.

The interop tests give them to the real promtool again. The series that the rule finds has the
labels and the value below.
"""

LABELS = {
    "__name__": "m",
    "instance": "db.example.com:9100",
    "job": "<a&b>",
    "zz": 'é "q" $1',
    "n": "1234567.5",
}

VALUE = 12345.678

EXTERNAL_LABELS = {"region": "eu"}

EXTERNAL_URL = "http://h:9090/pre"

SERIES: dict[str, list[tuple[dict[str, str], float]]] = {
    "q": [
        ({"__name__": "q", "a": "x", "i": "b"}, 2.0),
        ({"__name__": "q", "a": "y", "i": "a"}, 3.5),
    ],
    "absent": [],
}
"""What a query finds."""

ANNOTATIONS: list[tuple[str, str]] = [
    (
        "{{ $value }} {{ .Value }} {{ $labels }} {{ $externalLabels }} {{ $externalURL }}",
        '12345.678 12345.678 map[__name__:m instance:db.example.com:9100 job:<a&b> n:1234567.5 zz:é "q" $1] map[region:eu] http://h:9090/pre',
    ),
    (
        "{{ $labels.instance }} {{ $labels.nope }}| {{ .Labels.zz }}",
        'db.example.com:9100 | é "q" $1',
    ),
    (
        "{{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }} {{ humanizePercentage $value }} {{ humanizeTimestamp $value }}",
        "12.35k 12.06ki 3h 25m 45s 1.235e+06% 1970-01-01 03:25:45.678 +0000 UTC",
    ),
    (
        "{{ humanize 0.0 }} {{ humanize 1e30 }} {{ humanize 1e-30 }} {{ humanize 999.99 }} {{ humanize 999.999 }} {{ humanize 1000.0 }} {{ humanize -12345.0 }} {{ humanize 0.999 }}",
        "0 1e+06Y 1e-06y 1000 1000 1k -12.35k 999m",
    ),
    (
        "{{ humanize1024 0.0 }} {{ humanize1024 1e30 }} {{ humanize1024 1023.0 }} {{ humanize1024 1024.0 }} {{ humanize1024 -5000.0 }} {{ humanize1024 0.5 }}",
        "0 8.272e+05Yi 1023 1ki -4.883ki 0.5",
    ),
    (
        "{{ humanizeDuration 0.0 }} {{ humanizeDuration 59.999 }} {{ humanizeDuration 60.0 }} {{ humanizeDuration 3600.0 }} {{ humanizeDuration 86400.0 }} {{ humanizeDuration -90061.5 }}",
        "0s 60s 1m 0s 1h 0m 0s 1d 0h 0m 0s -1d 1h 1m 1s",
    ),
    (
        "{{ humanizeDuration 0.001 }} {{ humanizeDuration 1e-30 }} {{ humanizeDuration 1.5 }} {{ humanizeDuration 1e30 }} {{ humanizeDuration 1234567 }}",
        "1ms 1e-06ys 1.5s -106751991167300d -15h -30m -8s 14d 6h 56m 7s",
    ),
    (
        "{{ humanizePercentage 0.5 }} {{ humanizePercentage 12.34567 }} {{ humanizePercentage 1e9 }} {{ humanizePercentage -0.00001 }}",
        "50% 1235% 1e+11% -0.001%",
    ),
    (
        "{{ humanizeTimestamp 1435065584.128 }} {{ humanizeTimestamp 0.0 }} {{ humanizeTimestamp -1.0 }} {{ humanizeTimestamp 1e9 }} {{ humanizeTimestamp 9223372036 }}",
        "2015-06-23 13:19:44.128 +0000 UTC 1970-01-01 00:00:00 +0000 UTC 1969-12-31 23:59:59 +0000 UTC 2001-09-09 01:46:40 +0000 UTC 2262-04-11 23:47:16 +0000 UTC",
    ),
    (
        "{{ humanizeTimestamp 1e30 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanizeTimestamp 1e30>: error calling humanizeTimestamp: 1e+30 cannot be represented as a nanoseconds timestamp since it overflows int64>',
    ),
    (
        "{{ humanizeTimestamp 9223372036854775807 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanizeTimestamp 9223372036854775807>: error calling humanizeTimestamp: 9.223372036854776e+18 cannot be represented as a nanoseconds timestamp since it overflows int64>',
    ),
    (
        "{{ humanize 9223372036854775807 }} {{ humanize1024 9223372036854775807 }} {{ humanizePercentage 9223372036854775807 }}",
        "9.223E 8Ei 9.223e+20%",
    ),
    (
        '{{ humanize "1e5" }} {{ humanize "+Inf" }} {{ humanize "nan" }} {{ humanize "0x10p0" }} {{ humanize "1_0" }} {{ humanize ".5" }} {{ humanize "5." }}',
        "100k +Inf NaN 16 10 500m 5",
    ),
    (
        '{{ humanizeDuration "Inf" }} {{ humanizeTimestamp "-inf" }} {{ humanize1024 "NaN" }} {{ humanizePercentage "+Inf" }}',
        "+Inf -Inf NaN +Inf%",
    ),
    (
        '{{ humanize "abc" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "abc">: error calling humanize: strconv.ParseFloat: parsing "abc": invalid syntax>',
    ),
    (
        '{{ humanize "1e999" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "1e999">: error calling humanize: strconv.ParseFloat: parsing "1e999": value out of range>',
    ),
    (
        '{{ humanize "_1" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "_1">: error calling humanize: strconv.ParseFloat: parsing "_1": invalid syntax>',
    ),
    (
        '{{ humanize "1_" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "1_">: error calling humanize: strconv.ParseFloat: parsing "1_": invalid syntax>',
    ),
    (
        '{{ humanize "+nan" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "+nan">: error calling humanize: strconv.ParseFloat: parsing "+nan": invalid syntax>',
    ),
    (
        '{{ humanize " 1" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize " 1">: error calling humanize: strconv.ParseFloat: parsing " 1": invalid syntax>',
    ),
    (
        '{{ humanize "" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "">: error calling humanize: strconv.ParseFloat: parsing "": invalid syntax>',
    ),
    (
        '{{ humanize "0x1" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize "0x1">: error calling humanize: strconv.ParseFloat: parsing "0x1": invalid syntax>',
    ),
    (
        "{{ humanize true }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize true>: error calling humanize: can\'t convert bool to float>',
    ),
    (
        "{{ humanize nil }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize nil>: error calling humanize: can\'t convert <nil> to float>',
    ),
    (
        "{{ humanize $labels }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize $labels>: error calling humanize: can\'t convert map[string]string to float>',
    ),
    (
        "{{ humanize }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize>: wrong number of args for humanize: want 1 got 0>',
    ),
    (
        "{{ humanize 1 2 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <humanize>: wrong number of args for humanize: want 1 got 2>',
    ),
    ("{{ humanize .Labels.n }} {{ (humanize 5.0) | len }}", "1.235M 1"),
    (
        '{{ title "foo bar" }} {{ toUpper "a" }} {{ toLower "A" }} {{ match "a.c" "abc" }} {{ reReplaceAll "(.*):.*" "$1" $labels.instance }} {{ safeHtml "<b>" }}',
        "Foo Bar A a true db.example.com <b>",
    ),
    ('{{ title "hELLO wORLD" }}', "HELLO WORLD"),
    (
        '{{ stripPort "a:1" }} {{ stripPort "[::1]:80" }} {{ stripPort "::1" }} {{ stripPort "a:b:c" }} {{ stripPort ":80" }} {{ stripPort "a:" }} {{ stripPort "[a]" }} {{ stripPort "[a]x:1" }} {{ stripPort "" }} {{ stripPort "[::1%eth0]:1" }}',
        "a ::1 ::1 a:b:c  a [a] [a]x:1  ::1%eth0",
    ),
    (
        '{{ stripDomain "a.b.c:1" }} {{ stripDomain "1.2.3.4:5" }} {{ stripDomain "[::1]:80" }} {{ stripDomain "::1" }} {{ stripDomain "a.b" }} {{ stripDomain "1.2.3.04" }} {{ stripDomain "[fe80::1%eth0]:1" }} {{ stripDomain ".a" }} {{ stripDomain "a.b:" }} {{ stripDomain "1.2.3" }}',
        "a:1 1.2.3.4:5 [::1]:80 ::1 a 1 [fe80::1%eth0]:1  a 1",
    ),
    (
        '{{ parseDuration "1h30m" }} {{ parseDuration "0" }} {{ parseDuration "1y" }} {{ parseDuration "1ms" }}',
        "5400 0 3.1536e+07 0.001",
    ),
    (
        '{{ parseDuration "5" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <parseDuration "5">: error calling parseDuration: not a valid duration string: "5">',
    ),
    (
        '{{ parseDuration "" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <parseDuration "">: error calling parseDuration: empty duration string>',
    ),
    (
        '{{ parseDuration "x" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <parseDuration "x">: error calling parseDuration: not a valid duration string: "x">',
    ),
    (
        '{{ parseDuration "1m1h" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <parseDuration "1m1h">: error calling parseDuration: not a valid duration string: "1m1h">',
    ),
    (
        '{{ parseDuration "1000y" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <parseDuration "1000y">: error calling parseDuration: duration out of range>',
    ),
    (
        '{{ query "q" | sortByLabel "a" | first | value }} {{ query "q" | sortByLabel "a" | first | label "i" }} {{ query "q" | first | strvalue }} {{ query "1.5" | first | value }}',
        "2 b  1.5",
    ),
    (
        '{{ range query "q" | sortByLabel "i" }}{{ .Labels.a }}={{ .Value }},{{ end }} {{ len (query "q") }} {{ with query "absent" }}x{{ else }}none{{ end }}',
        "y=3.5,x=2, 2 none",
    ),
    (
        '{{ query "q" | sortByLabel "a" | first }} {{ (query "q" | sortByLabel "a" | first).Labels }}',
        "{map[__name__:q a:x i:b] 2} map[__name__:q a:x i:b]",
    ),
    (
        '{{ with $x := query "q" | sortByLabel "a" | first }}{{ $x.Labels.a }}{{ $x | value | humanize }}{{ $x.Labels.nope }}{{ end }}',
        "x2",
    ),
    ('{{ query "q" | first | label "nope" }}|{{ (query "q" | first).Labels.nope }}|', "||"),
    (
        '{{ index (query "q" | sortByLabel "a") 1 | value }} {{ (index (query "q" | sortByLabel "a") 0).Value }}',
        "3.5 2",
    ),
    (
        '{{ query "absent" | first }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:132: executing "__alert_X" at <first>: error calling first: first() called on vector with no elements>',
    ),
    (
        '{{ (query "q").foo }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:122: executing "__alert_X" at <"q">: can\'t evaluate field foo in type template.queryResult>',
    ),
    (
        '{{ (query "q" | first).foo }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:128: executing "__alert_X" at <first>: can\'t evaluate field foo in type *template.sample>',
    ),
    (
        '{{ query "q" | value }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:127: executing "__alert_X" at <value>: wrong type for value; expected *template.sample; got template.queryResult>',
    ),
    (
        "{{ query 1 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:121: executing "__alert_X" at <1>: expected string; found 1>',
    ),
    (
        "{{ query }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <query>: wrong number of args for query: want 1 got 0>',
    ),
    (
        "{{ first 1 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:121: executing "__alert_X" at <1>: can\'t handle 1 for arg of type template.queryResult>',
    ),
    (
        "{{ first nil }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <first nil>: error calling first: first() called on vector with no elements>',
    ),
    (
        "{{ value nil }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <value nil>: error calling value: runtime error: invalid memory address or nil pointer dereference>',
    ),
    (
        '{{ label "a" nil }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <label "a" nil>: error calling label: runtime error: invalid memory address or nil pointer dereference>',
    ),
    (
        '{{ label "a" 1 }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:125: executing "__alert_X" at <1>: can\'t handle 1 for arg of type *template.sample>',
    ),
    (
        '{{ sortByLabel "a" 1 }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:131: executing "__alert_X" at <1>: can\'t handle 1 for arg of type template.queryResult>',
    ),
    (
        '{{ args 1 "a" }} {{ (args 1 "a").arg1 }} {{ (args).arg0 }} {{ (args nil).arg0 }}',
        "map[arg0:1 arg1:a] a <no value> <no value>",
    ),
    ('{{ define "x" }}{{ .arg0 }}{{ .arg1 }}{{ end }}{{ template "x" (args 5 "b") }}', "5b"),
    (
        '{{ toTime 1435065584.128 }} {{ (toTime 1435065584.128).Format "2006-01-02" }} {{ (toTime 0.0).Unix }} {{ printf "%T" (toTime 0.0) }} {{ (toTime 1.5).UnixMilli }}',
        "2015-06-23 13:19:44.128 +0000 UTC 2015-06-23 0 *time.Time 1500",
    ),
    (
        '{{ toTime "x" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <toTime "x">: error calling toTime: strconv.ParseFloat: parsing "x": invalid syntax>',
    ),
    (
        "{{ toTime 1e30 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <toTime 1e30>: error calling toTime: 1e+30 cannot be represented as a nanoseconds timestamp since it overflows int64>',
    ),
    (
        '{{ toTime "+Inf" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <toTime "+Inf">: error calling toTime: value is NaN or Inf>',
    ),
    (
        "{{ (toTime 0.0).Foo }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:123: executing "__alert_X" at <0.0>: can\'t evaluate field Foo in type *time.Time>',
    ),
    (
        "{{ gt (toTime 0.0) 1 }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <gt (toTime 0.0) 1>: error calling gt: invalid type for comparison>',
    ),
    (
        '{{ tmpl "x" . }}',
        '<error expanding template: error parsing template __alert_X: template: __alert_X:1: function "tmpl" not defined>',
    ),
    (
        "{{ nofunc }}",
        '<error expanding template: error parsing template __alert_X: template: __alert_X:1: function "nofunc" not defined>',
    ),
    ("{{ if gt $value 100.0 }}high{{ else }}low{{ end }}", "high"),
    (
        '{{ printf "%.2f" $value }} {{ printf "%d" $value }} {{ $value | printf "%.1f%%" }} {{ printf "%s" $labels }}',
        '12345.68 %!d(float64=12345.678) 12345.7% map[__name__:m instance:db.example.com:9100 job:<a&b> n:1234567.5 zz:é "q" $1]',
    ),
    (
        "{{ $labels.job | html }} {{ $labels.zz | urlquery }} {{ $labels.zz | js }}",
        '&lt;a&amp;b&gt; %C3%A9+%22q%22+%241 é \\"q\\" $1',
    ),
    (
        '{{ printf "%v %+v %T" .Labels .Value .Value }}',
        'map[__name__:m instance:db.example.com:9100 job:<a&b> n:1234567.5 zz:é "q" $1] 12345.678 float64',
    ),
    (
        "{{ .Labels.instance.foo }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:122: executing "__alert_X" at <.Labels.instance.foo>: can\'t evaluate field foo in type string>',
    ),
    (
        "{{ $labels.instance | first }}",
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:134: executing "__alert_X" at <first>: wrong type for value; expected template.queryResult; got string>',
    ),
    (
        '{{ reReplaceAll "[" "a" "b" }}',
        '<error expanding template: error executing template __alert_X: template: __alert_X:1:115: executing "__alert_X" at <reReplaceAll "[" "a" "b">: error calling reReplaceAll: regexp: Compile(`[`): error parsing regexp: missing closing ]: `[`>',
    ),
    (
        "{{ range $k, $v := .Labels }}{{ $k }}={{ $v }} {{ end }}",
        '__name__=m instance=db.example.com:9100 job=<a&b> n=1234567.5 zz=é "q" $1 ',
    ),
    (
        '{{ len $labels }} {{ len .Labels.job }} {{ index $labels "job" }} {{ index $labels "x" }}',
        "5 5 <a&b> ",
    ),
    ("{{ and $value 0 }} {{ or 0 $labels.job }}", "0 <a&b>"),
    ("{{ $value := 5 }}{{ $value }} {{ $labels = 1 }}{{ $labels }}", "5 1"),
    (
        "{{",
        "<error expanding template: error parsing template __alert_X: template: __alert_X:1: unclosed action>",
    ),
    (
        "{{ if true }}",
        "<error expanding template: error parsing template __alert_X: template: __alert_X:1: unexpected EOF>",
    ),
]
