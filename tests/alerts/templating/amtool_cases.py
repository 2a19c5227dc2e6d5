"""Templates and what Alertmanager 0.25 makes of them, by `amtool template render`.

The interop tests render them with the real amtool again. They are all about `NOTIFICATION`.
"""

from __future__ import annotations

from typing import Any

NOTIFICATION: dict[str, Any] = {
    "receiver": "team\\.x",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "CPU", "instance": "b:1", "sev": "critical"},
            "annotations": {"summary": "<b>hot</b> & 'bad'"},
            "startsAt": "2024-03-05T06:07:08.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://p/graph?g0.expr=up&g0.tab=1",
            "fingerprint": "abc",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "CPU", "instance": "a:1"},
            "annotations": {},
            "startsAt": "2024-03-05T16:07:08+02:00",
            "endsAt": "2024-03-05T17:07:08Z",
            "generatorURL": "javascript:alert(1)",
            "fingerprint": "def",
        },
    ],
    "groupLabels": {"alertname": "CPU"},
    "commonLabels": {"alertname": "CPU", "zz": 'é"q', "aa": "1"},
    "commonAnnotations": {},
    "externalURL": "http://e/x",
}

Cases = list[tuple[str, str]]

ACTIONS: Cases = [
    ("plain }} text", "plain }} text"),
    ("{{ 1 }}", "1"),
    ("  a  {{- 1 -}}  b  {{- /* c */ -}}  d {{/* e */}} f", "  a1bd  f"),
    ("{{-1}} {{- 1}} {{1 -}} end", "-11 1end"),
    ('{{define "x"}}[{{ . }}]{{end}}{{template "x" 5}}{{template "x"}}', "[5][<no value>]"),
    ('{{block "b" .Status}}<{{.}}>{{end}}{{template "b" 1}}', "<firing><1>"),
    ('{{define "a"}}x{{end}}{{define "a"}} {{end}}{{template "a"}}', "x"),
    ('{{define "t"}}{{$}}{{end}}{{$a := 1}}{{template "t" $a}}', "1"),
    ('{{if true}}a{{else}}b{{end}}{{if 0}}a{{else}}b{{end}}{{if ""}}a{{end}}', "ab"),
    (
        "{{if false}}a{{else if true}}b{{else}}c{{end}}{{if false}}a{{else if 0}}b{{else if nil | print}}d{{end}}",
        'template: :1:83: executing "" at <nil>: nil is not a command',
    ),
    (
        "{{with .CommonLabels.aa}}{{.}}{{else}}no{{end}}{{with .CommonLabels.nope}}{{.}}{{else}}no{{end}}{{with $x := 5}}{{$x}}{{.}}{{end}}",
        "1no55",
    ),
    ("{{range $i, $e := .Alerts}}{{$i}}:{{$e.Status}} {{end}}", "0:firing 1:resolved "),
    ("{{range $k, $v := .CommonLabels}}{{$k}}:{{$v}} {{end}}", 'aa:1 alertname:CPU zz:é"q '),
    ("{{range .CommonLabels}}{{.}} {{end}}", '1 CPU é"q '),
    (
        "{{range .CommonAnnotations}}x{{else}}none{{end}}{{range .CommonLabels.nope.nope}}x{{else}}none{{end}}",
        'template: :1:69: executing "" at <.CommonLabels.nope.nope>: can\'t evaluate field nope in type string',
    ),
    (
        "{{range $i, $e := .Alerts}}{{if eq $i 1}}{{continue}}{{end}}{{$i}}{{end}}{{range .Alerts}}a{{break}}b{{end}}",
        "0a",
    ),
    (
        '{{range .Alerts}}{{range .Labels}}{{.}}{{if eq . "CPU"}}{{break}}{{end}}{{end}};{{end}}',
        "CPU;CPU;",
    ),
    (
        "{{$x := 1}}{{$x}}{{$x = 2}}{{$x}}{{if true}}{{$x = 3}}{{$y := 4}}{{$y}}{{end}}{{$x}}",
        "1243",
    ),
    ("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
    (
        '{{$i := 0}}{{$x := ""}}{{range $i, $x = .CommonLabels.Names}}{{$x}}{{end}}{{$i}}{{$x}}',
        "alertnameaazz2zz",
    ),
    ("{{$.Status}} {{with 1}}{{$.Status}}{{.}}{{end}}", "firing firing1"),
    ("{{if $x := 1}}{{$x}}{{else}}{{$x}}{{end}}", "1"),
    ("{{$1 := 2}}{{$1}}{{$é := 3}}{{$é}}", "23"),
    (
        '{{"abc" | printf "%s-%s" "x"}} {{1 | print | len}} {{(printf "%d" 1) | len}} {{((1))}} {{(1 | print)}}',
        "x-abc 1 1 1 1",
    ),
    ("{{(index .Alerts 0).Labels.instance}} {{(index .Alerts 0).StartsAt.Year}}", "b:1 2024"),
]

DATA: Cases = [
    ("{{.Receiver}} {{.Status}} {{.ExternalURL}} {{len .Alerts}}", "team\\.x firing http://e/x 2"),
    (
        "{{range .Alerts.Firing}}{{.Labels.instance}}{{end}} {{range .Alerts.Resolved}}{{.Labels.instance}} {{.GeneratorURL}} {{.Fingerprint}}{{end}}",
        "b:1 a:1 javascript:alert(1) def",
    ),
    (
        "{{.CommonLabels.foo}}|{{.CommonLabels.foo.bar}}|{{.CommonLabels.aa}}",
        'template: :1:37: executing "" at <.CommonLabels.foo.bar>: can\'t evaluate field bar in type string',
    ),
    (
        '{{.CommonLabels.Values | join "-"}} {{(.CommonLabels.Remove (stringSlice "aa")).Names}} {{.CommonLabels.Names}}',
        'CPU-1-é"q [alertname zz] [alertname aa zz]',
    ),
    (
        "{{range .CommonLabels.SortedPairs}}{{.Name}}={{.Value}};{{end}}",
        'alertname=CPU;aa=1;zz=é"q;',
    ),
    (
        "{{(index .Alerts 0).StartsAt}} {{(index .Alerts 1).StartsAt}} {{(index .Alerts 0).EndsAt}}",
        "2024-03-05 06:07:08.123456789 +0000 UTC 2024-03-05 16:07:08 +0200 +0200 0001-01-01 00:00:00 +0000 UTC",
    ),
    (
        "{{$x := .Alerts}}{{$x.Firing | len}} {{($x.Firing | len)}} {{(slice .Alerts 1) | len}}",
        "1 1 1",
    ),
]

TIMES: Cases = [
    (
        '{{(index .Alerts 0).StartsAt.Format "Mon Jan _2 15:04:05.000 MST 2006 03PM pm 002 __2 Z07:00 -0700 .999 January Monday 06 1 2 3 4 5 Janet"}}',
        "Tue Mar  5 06:07:08.123 UTC 2024 06AM am 065  65 Z +0000 .123 March Tuesday 24 3 5 6 7 8 Janet",
    ),
    (
        '{{(index .Alerts 1).StartsAt.Format "2006-01-02T15:04:05Z07:00 MST -07 -07:00 Z0700 15h _2006 .00 .99 ,000"}}',
        "2024-03-05T16:07:08+02:00 +0200 +02 +02:00 +0200 16h _2024 .00  ,000",
    ),
    (
        "{{(index .Alerts 0).StartsAt.Unix}} {{(index .Alerts 0).StartsAt.Month}} {{(index .Alerts 0).StartsAt.Weekday}} {{(index .Alerts 0).StartsAt.YearDay}} {{(index .Alerts 0).StartsAt.Nanosecond}} {{(index .Alerts 1).StartsAt.UTC}}",
        "1709618828 March Tuesday 65 123456789 2024-03-05 14:07:08 +0000 UTC",
    ),
    (
        "{{(index .Alerts 0).StartsAt.Hour}}:{{(index .Alerts 0).StartsAt.Minute}}:{{(index .Alerts 0).StartsAt.Second}} {{(index .Alerts 0).StartsAt.Day}} {{(index .Alerts 0).StartsAt.UnixMilli}} {{(index .Alerts 0).StartsAt.UnixNano}}",
        "6:7:8 5 1709618828123 1709618828123456789",
    ),
    (
        "{{(index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt}} {{((index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt).Hours}} {{((index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt).Minutes}} {{((index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt).Seconds}}",
        "10h59m59.876543211s 10.999965706447501 659.99794238685 39599.876543211",
    ),
    (
        "{{((index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt).Round 1000000000}} {{((index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt).Truncate 60000000000}} {{((index .Alerts 1).EndsAt.Sub (index .Alerts 0).StartsAt).Milliseconds}}",
        "11h0m0s 10h59m0s 39599876",
    ),
    (
        "{{(index .Alerts 0).StartsAt.Add 1000000000}} {{(index .Alerts 0).StartsAt.AddDate 0 1 30}} {{(index .Alerts 0).StartsAt.AddDate 1 -3 0}} {{(index .Alerts 0).StartsAt.Truncate 3600000000000}} {{(index .Alerts 0).StartsAt.Round 60000000000}}",
        "2024-03-05 06:07:09.123456789 +0000 UTC 2024-05-05 06:07:08.123456789 +0000 UTC 2024-12-05 06:07:08.123456789 +0000 UTC 2024-03-05 06:00:00 +0000 UTC 2024-03-05 06:07:00 +0000 UTC",
    ),
    (
        "{{(index .Alerts 0).StartsAt.IsZero}} {{(index .Alerts 0).EndsAt.IsZero}} {{(index .Alerts 0).StartsAt.After (index .Alerts 1).StartsAt}} {{(index .Alerts 0).StartsAt.Before (index .Alerts 1).StartsAt}} {{eq (index .Alerts 0).StartsAt (index .Alerts 0).StartsAt}}",
        "false true false true true",
    ),
    (
        '{{printf "%s %v %d %q" (index .Alerts 0).EndsAt (index .Alerts 0).EndsAt.Month (index .Alerts 0).EndsAt.Month (index .Alerts 0).EndsAt.Weekday}}',
        '0001-01-01 00:00:00 +0000 UTC January 1 "Monday"',
    ),
]

LITERALS: Cases = [
    (
        "{{1_000}} {{0x1F}} {{0b101}} {{0o17}} {{017}} {{'a'}} {{'\\n'}} {{1e3}} {{1.5e-7}} {{0x1p4}} {{-0.0}} {{+5}} {{.5}} {{2i}} {{1+2i}}",
        "1000 31 5 15 15 97 10 1000 1.5e-07 16 -0 5 0.5 (0+2i) (1+2i)",
    ),
    ("{{0x1.8p1}} {{1e-400}} {{0x_1F}} {{1_000.5}}", "3 0 31 1000.5"),
    (
        "{{'\\''}} {{'\"'}} {{'\\x41'}} {{'\\101'}} {{'\\u00e9'}} {{'é'}} {{'\\U0001F600'}} {{'\\xff'}}",
        "39 34 65 65 233 233 128512 255",
    ),
    ('{{"a\\tb\\"\\u00e9\\x41\\101"}} {{`raw\\n`}}', 'a\tb"éAA raw\\n'),
    (
        '{{"\\xff" | len}} {{"\\xff" | printf "%q"}} {{"\\xff" | printf "%x"}} {{slice "é" 0 1 | printf "%q"}}',
        '1 "\\xff" ff "\\xc3"',
    ),
    ("{{true}}{{false}}{{true | not}}", "truefalsefalse"),
]

FUNCTIONS: Cases = [
    ('{{len .Alerts}} {{len "é"}} {{len .CommonLabels}}', "2 2 3"),
    (
        '{{index .CommonLabels "aa"}}{{index .CommonLabels "nope"}}|{{index .CommonLabels "aa" 0}} {{index "abc" 1}}',
        "1|49 98",
    ),
    (
        '{{slice "hello" 1 3}} {{slice "hello" 2}} {{slice "hello"}} {{slice (stringSlice "a" "b" "c") 1}} {{slice (stringSlice "a" "b" "c") 0 2 3}}',
        "el llo hello [b c] [a b]",
    ),
    (
        '{{eq 1 1}} {{eq "a" "b" "a"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1.5 1.5}} {{lt "a" "b"}} {{eq true true}} {{eq 1i 1i}}',
        "true true true true true true true true true true",
    ),
    (
        "{{eq nil 1}} {{eq .CommonLabels nil}} {{eq nil nil}} {{eq .CommonLabels.nope nil}} {{ne nil 1}}",
        "false false true false true",
    ),
    (
        '{{and 1 0 2}} {{or 0 "" "x"}} {{and 0 (index .Alerts 7)}} {{or 1 (index .Alerts 7)}} {{not 0}} {{not "a"}} {{not nil}}',
        "0 x 0 1 true false true",
    ),
    (
        "{{1 | and 0}} {{1 | or 0}} {{0 | or 0}} {{if and (eq 1 1) (or false true)}}yes{{end}}",
        "0 1 0 yes",
    ),
    (
        '{{html "<a href=\'x\'>\\"&"}} {{js "it\'s \\"<x>\\" = \\n é"}} {{urlquery "a b&c=d/é"}} {{html 1 2 "x"}}',
        '&lt;a href=&#39;x&#39;&gt;&#34;&amp; it\\\'s \\"\\u003Cx\\u003E\\" \\u003D \\u000A é a+b%26c%3Dd%2F%C3%A9 1 2x',
    ),
    (
        '{{html nil}} {{js nil}} {{urlquery nil "a"}} {{html}} {{"<" | html | js}} {{js "\\u2028 \\x00 \\x1f </script> é ☺ \\U0001F600"}} {{urlquery "~-_.!*\'()é"}}',
        "&lt;no value&gt; \\u003Cno value\\u003E %3Cno+value%3Ea  \\u0026lt; \\u2028 \\u0000 \\u001F \\u003C/script\\u003E é ☺ 😀 ~-_.%21%2A%27%28%29%C3%A9",
    ),
    (
        '{{print nil "a" nil}} {{print 1 nil 2}} {{print .CommonLabels.nope.nope}}',
        'template: :1:61: executing "" at <.CommonLabels.nope.nope>: can\'t evaluate field nope in type string',
    ),
    (
        '{{toUpper "é"}} {{toLower "ÀB"}} {{join "," (stringSlice "a" "b")}} {{stringSlice "a" "b" | join ";"}} {{join "," nil}} {{stringSlice}} {{"x" | stringSlice "a"}}',
        "É àb a,b a;b  [] [a x]",
    ),
    (
        '{{match "a+" "baa"}} {{match "^a+$" "baa"}} {{reReplaceAll "(a)(b)?" "<$1$2>" "abac"}} {{reReplaceAll "x*" "-" "abxc"}}|{{reReplaceAll "x*" "-" ""}}|{{reReplaceAll "b*" "-" "bbabb"}}',
        "true false <ab><a>c -a-b-c-|-|-a-",
    ),
    (
        '{{reReplaceAll "(?P<n>a.)" "${n}1$n1${1}1$$x$" "éabé"}} {{reReplaceAll "." "x" "a\\nb"}} {{reReplaceAll "\\\\bfoo\\\\b" "x" "foo food foo"}} {{reReplaceAll "(?i)A" "x" "aab\\na"}}',
        "éab1ab1$x$é x\nx x food x xxb\nx",
    ),
    (
        "{{title \"hello wORLD it's a-b 3rd o'neil x_y 1a é\"}} {{title \"foo.bar a:b a,b a.3b a/b _a 'quoted' ß http://foo.bar/baz don\u2019t\"}}",
        "Hello World It's A-B 3Rd O'neil X_y 1A É Foo.bar A:b A,B A.3b A/B _A 'Quoted' Ss Http://Foo.bar/Baz Don\u2019t",
    ),
    (
        '{{safeHtml "<b>"}} {{safeHtml "<b>" | len}} {{eq (safeHtml "a") "a"}} {{printf "%T" (safeHtml "a")}}',
        "<b> 3 true template.HTML",
    ),
]

FORMATS: Cases = [
    (
        '{{printf "%v %d %s %q %t %x %X %U %c %T %%" 1 2 3 4 5 6 7 8 9 10}}',
        "1 2 %!s(int=3) '\\x04' %!t(int=5) 6 7 U+0008 \t int %",
    ),
    (
        '{{printf "%v %d %s %q %t %x %X %U %c %T %%" "a" "b" "c" "d" "e" "f" "g" "h" "i" "j"}}',
        'a %!d(string=b) c "d" %!t(string=e) 66 67 %!U(string=h) %!c(string=i) string %',
    ),
    (
        '{{printf "%v %d %s %q %t %x %X %U %c %T %e %g %f %b" 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5}}',
        "1.5 %!d(float64=1.5) %!s(float64=1.5) %!q(float64=1.5) %!t(float64=1.5) 0x1.8p+00 0X1.8P+00 %!U(float64=1.5) %!c(float64=1.5) float64 1.500000e+00 1.5 1.500000 6755399441055744p-52",
    ),
    (
        '{{printf "%v %d %s %q %t %x %T" true true true true true true true}}',
        "true %!d(bool=true) %!s(bool=true) %!q(bool=true) true %!x(bool=true) bool",
    ),
    (
        '{{printf "%v %d %s %T %5v|%5t" nil nil nil nil nil nil}}',
        "<nil> %!d(<nil>) %!s(<nil>) <nil> <nil>|%!t(<nil>)",
    ),
    (
        '{{printf "%d %s" 1}} {{printf "%d" 1 2 "x" nil}} {{printf "%!"}} {{printf "%"}} {{printf "%z" 3}} {{printf "%é" 1}} {{printf "%w" "x"}}',
        "1 %!s(MISSING) 1%!(EXTRA int=2, string=x, <nil>) %!!(MISSING) %!(NOVERB) %!z(int=3) %!é(int=1) %!w(string=x)",
    ),
    (
        '{{printf "%[2]d %[1]d %d %[5]d %[x]d %[]d" 1 2 3}} {{printf "%[1]*d %[2]d" 5 7}} {{printf "%[3]v %v" 1 2 3 4}} {{printf "%[2]*[1]d|" 2 6}} {{printf "%.[2]*[1]f|" 2.0 6}}',
        "2 1 2 %!d(BADINDEX) %!d(BADINDEX) %!d(BADINDEX)     7 7 3 4      2| 2.000000|",
    ),
    ('{{printf "%*d|%-*d|%.*f|%*d" 5 1 5 2 2 3.14159 "x" 3}}', "    1|2    |3.14|%!(BADWIDTH)3"),
    (
        '{{printf "%05d|%-5d|%+d|% d|%x|%#x|%#o|%O|%b|%08.3f|%+.2e|%6.2f%%|%-8q|%5t|%.2s|%5.1q" 42 42 42 42 -255 255 8 8 5 3.14159 12345.678 99.5 "hi" true "héllo" "xyz"}}',
        '00042|42   |+42| 42|-ff|0xff|010|0o10|101|0003.142|+1.23e+04| 99.50%|"hi"    | true|hé|  "x"',
    ),
    (
        '{{printf "%6d|%-6d|%06d|%6.3d|%.0d|%08.3d|%-8.3d|%+.3d" -42 -42 -42 7 0 5 5 5}} {{printf "%-05d|%0-5d|%+-5d|% 05d" 1 2 3 4}}',
        "   -42|-42   |-00042|   007||     005|005     |+005 1    |2    |+3   | 0004",
    ),
    (
        '{{printf "%g %g %g %g %v" 1e6 1e20 1e-5 123456789.0 1e21}} {{printf "%.3g %.10g %#g %#.3g %G" 1234.5678 1e6 1.5 2.0 1e-10}} {{printf "%v %v %v" 100000.0 1000000.0 123456.789}}',
        "1e+06 1e+20 1e-05 1.23456789e+08 1e+21 1.23e+03 1000000 1.50000 2.00 1E-10 100000 1e+06 123456.789",
    ),
    (
        '{{printf "%e %E %.0f %.0e %5.1f|%-8.2f|%+g" 123.456 123.456 2.5 15.0 2.25 1.5 1.5}} {{printf "%6.2f|%-+8.3e|% .1f|%g" -1.5 1234.5 2.0 -0.0}}',
        "1.234560e+02 1.234560E+02 2 2e+01   2.2|1.50    |+1.5  -1.50|+1.234e+03| 2.0|-0",
    ),
    (
        '{{printf "%x %X %.2x %10.3x" 1.5 1.5 3.14159 0.1}} {{printf "%x" 0.0}} {{printf "%x" -1.5}} {{printf "%b" 0.0}}',
        "0x1.8p+00 0X1.8P+00 0x1.92p+01 0x1.99ap-04 0x0p+00 -0x1.8p+00 0p-1074",
    ),
    ('{{printf "%v %.3v %5v" 1+2i 1.5i 2i}}', "(1+2i) (0+1.5i) (    0   +2i)"),
    (
        '{{printf "%6.3v|%-10v|%10v|%+v|%6.2v|%6v|%-6v|" 3.14159 "x" "y" 5 "abc" true "x"}}',
        "  3.14|x         |         y|5|    ab|  true|x     |",
    ),
    (
        '{{printf "%x" "héé"}} {{printf "% x" "abc"}} {{printf "%#x" "abc"}} {{printf "%# X" "abc"}} {{printf "%x" ""}}',
        "68c3a9c3a9 61 62 63 0x616263 0X61 0X62 0X63 ",
    ),
    (
        '{{printf "%q" \'x\'}} {{printf "%#q" "a`b"}} {{printf "%#q" "ab"}} {{printf "%+q" "é☺"}} {{printf "%U" \'é\'}} {{printf "%#U" \'é\'}} {{printf "%c%c" 65 8364}} {{printf "%3c|%-3c|" \'a\' \'b\'}} {{printf "%U %c" 1114112 1114112}}',
        "'x' \"a`b\" `ab` \"\\u00e9\\u263a\" U+00E9 U+00E9 'é' A€   a|b  | U+110000 �",
    ),
    (
        '{{printf "%#v %#v %#v %#v" "a" 1.0 true (stringSlice "a" "b")}} {{printf "%v %+v" (stringSlice "a" "b") (stringSlice "a" "b")}}',
        '"a" 1 true []string{"a", "b"} [a b] [a b]',
    ),
    (
        '{{printf "%q %d %s" (stringSlice "a" "b c") (stringSlice "a") (stringSlice "a")}} {{printf "%5s|%-5s|%05d" .CommonLabels.Names .CommonLabels.Names .CommonLabels.Names}}',
        '["a" "b c"] [%!d(string=a)] [a] [alertname    aa    zz]|[alertname aa    zz   ]|[%!d(string=alertname) %!d(string=000aa) %!d(string=000zz)]',
    ),
    (
        '{{printf "%+v %#v %d" (index .CommonLabels.SortedPairs 0) (index .CommonLabels.SortedPairs 0) (index .CommonLabels.SortedPairs 0)}}',
        '{Name:alertname Value:CPU} template.Pair{Name:"alertname", Value:"CPU"} {%!d(string=alertname) %!d(string=CPU)}',
    ),
    (
        '{{printf "%T %T %T %T %T" .Alerts .CommonLabels (index .Alerts 0) (index .Alerts 0).StartsAt .Alerts.Firing}}',
        "template.Alerts template.KV template.Alert time.Time []template.Alert",
    ),
]

SYNTAX_ERRORS: Cases = [
    ("{{", "template: :1: unclosed action"),
    ("{{ }}", "template: :1: missing value for command"),
    ('{{ "a }}', "template: :1: unterminated quoted string"),
    ("{{ `a }}", "template: :1: unterminated raw quoted string"),
    ("{{ 'a }}", "template: :1: unterminated character constant"),
    ("{{/* a }}", "template: :1: unclosed comment"),
    ("{{/* a */ x }}", "template: :1: comment ends before closing delimiter"),
    ("{{-/*a*/-}}", 'template: :1: illegal number syntax: "-"'),
    ("{{ @ }}", 'template: :1: unexpected "@" in command'),
    ("{{ é }}", 'template: :1: function "é" not defined'),
    ("{{ ² }}", "template: :1: unrecognized character in action: U+00B2 '²'"),
    ("{{ ! }}", 'template: :1: unexpected "!" in command'),
    ("{{ {1} }}", 'template: :1: unexpected "{" in command'),
    ("{{ foo }}", 'template: :1: function "foo" not defined'),
    ("{{ a.b }}", 'template: :1: function "a" not defined'),
    ("{{ .a.b. }}", "template: :1: unexpected <.> in operand"),
    ("{{ .a-b }}", "template: :1: bad character U+002D '-'"),
    ("{{ .1 }}", "0.1"),
    ("{{ $y }}", 'template: :1: undefined variable "$y"'),
    ("{{ if true }}{{ $z := 1 }}{{ end }}{{ $z }}", 'template: :1: undefined variable "$z"'),
    ('{{ define "t" }}{{ $a }}{{ end }}{{ $a := 1 }}', 'template: :1: undefined variable "$a"'),
    ("{{ $x+1 }}", "template: :1: bad character U+002B '+'"),
    ("{{ $a, $b := 1 }}", "template: :1: too many declarations in command"),
    ("{{ $x := }}", "template: :1: missing value for command"),
    ("{{ : }}", "template: :1: expected :="),
    ("{{ := }}", 'template: :1: unexpected ":=" in command'),
    ("{{ 1 | 2 }}", "template: :1: non executable command in pipeline stage 2"),
    ("{{ | 1 }}", 'template: :1: unexpected "|" in command'),
    ("{{ 1 | }}", "1"),
    ("{{ print | nil }}", "template: :1: non executable command in pipeline stage 2"),
    ("{{ ( }}", "template: :1: unclosed left paren"),
    ("{{ (1 }}", "template: :1: unclosed left paren"),
    ("{{ print (1)(2) }}", 'template: :1: unexpected "(" in operand'),
    ('{{ print "a""b" }}', 'template: :1: unexpected "\\"b\\"" in operand'),
    ("{{ 1.foo }}", 'template: :1: bad number syntax: "1.f"'),
    ('{{ "a".foo }}', 'template: :1: unexpected . after term "\\"a\\""'),
    ("{{ true.foo }}", 'template: :1: unexpected . after term "true"'),
    ("{{ nil.foo }}", 'template: :1: unexpected . after term "nil"'),
    ("{{ 089 }}", 'template: :1: integer overflow: "089"'),
    ("{{ 1x }}", 'template: :1: bad number syntax: "1x"'),
    ("{{ 1e }}", 'template: :1: illegal number syntax: "1e"'),
    ("{{ 0x }}", 'template: :1: illegal number syntax: "0x"'),
    ("{{ 1+2 }}", 'template: :1: bad number syntax: "1+2"'),
    ("{{ 1.2.3 }}", 'template: :1: unexpected ".3" in operand'),
    ("{{ - }}", 'template: :1: illegal number syntax: "-"'),
    ("{{ 1e400 }}", 'template: :1: illegal number syntax: "1e400"'),
    ("{{ 18446744073709551616 }}", 'template: :1: integer overflow: "18446744073709551616"'),
    ('{{ "\\\'" }}', "template: :1: invalid syntax"),
    ('{{ "\\xzz" }}', "template: :1: invalid syntax"),
    ('{{ "\\400" }}', "template: :1: invalid syntax"),
    ('{{ "\\ud800" }}', "template: :1: invalid syntax"),
    ("{{ 'ab' }}", "template: :1: malformed character constant: 'ab'"),
    ("{{ '' }}", "template: :1: invalid syntax"),
    ("{{ '\\\"' }}", "template: :1: invalid syntax"),
    ("{{ if }}x{{ end }}", "template: :1: missing value for if"),
    ("{{ if true }}x", "template: :1: unexpected EOF"),
    ("{{ if true }}a{{ else }}b{{ else }}c{{ end }}", "template: :1: expected end; found {{else}}"),
    ("{{ if (1}}{{ end }}", "template: :1: unclosed left paren"),
    ("{{ end }}", "template: :1: unexpected {{end}}"),
    ("{{ else }}", "template: :1: unexpected {{else}}"),
    ("{{ end 1 }}", 'template: :1: unexpected "1" in end'),
    ("{{ else if }}", "template: :1: unexpected {{else}}"),
    ("{{ range }}{{ end }}", "template: :1: missing value for range"),
    ("{{ range $x }}{{ end }}", 'template: :1: undefined variable "$x"'),
    ("{{ range $a, $b, $c := .Alerts }}{{ end }}", "template: :1: too many declarations in range"),
    ("{{ range $a, 1 }}{{ end }}", "template: :1: range can only initialize variables"),
    (
        '{{ range .Alerts }}{{ define "q" }}{{ end }}{{ end }}',
        "template: :1: unexpected <define> in command",
    ),
    ("{{ break }}", "template: :1: {{break}} outside {{range}}"),
    ("{{ range .Alerts }}{{ break 1 }}{{ end }}", 'template: :1: unexpected "1" in {{break}}'),
    ('{{ define "q" }}{{ continue }}{{ end }}', "template: :1: {{continue}} outside {{range}}"),
    ("{{ define x }}{{ end }}", 'template: :1: unexpected "x" in define clause'),
    ('{{ define "a" 1 }}{{ end }}', 'template: :1: unexpected "1" in define clause'),
    ('{{ define "a" }}x', "template: :1: unexpected EOF"),
    ('{{ define "a" }}x{{ else }}{{ end }}', "template: :1: unexpected {{else}} in define clause"),
    (
        '{{ define "x" }}a{{ end }}{{ define "x" }}b{{ end }}',
        'template: :1: template: multiple definition of template "x"',
    ),
    ("{{ template x }}", 'template: :1: unexpected "x" in template clause'),
    (
        '{{ template "x" 1 2 }}',
        'template: :1:12: executing "" at <{{template "x" 1 2}}>: template "x" not defined',
    ),
    (
        '{{ template "a" (1) 2 }}',
        'template: :1:12: executing "" at <{{template "a" (1) 2}}>: template "a" not defined',
    ),
    ("{{ template }}", 'template: :1: unexpected "}}" in template clause'),
    ('{{ block "a" }}x{{ end }}', "template: :1: missing value for block clause"),
]

EXECUTION_ERRORS: Cases = [
    (
        "{{ .Foo }}",
        'template: :1:3: executing "" at <.Foo>: can\'t evaluate field Foo in type *template.Data',
    ),
    (
        "{{ .status }}",
        'template: :1:3: executing "" at <.status>: can\'t evaluate field status in type *template.Data',
    ),
    (
        "{{ .Alerts.Foo }}",
        'template: :1:10: executing "" at <.Alerts.Foo>: can\'t evaluate field Foo in type template.Alerts',
    ),
    (
        "{{ .Alerts.Firing.Status }}",
        'template: :1:10: executing "" at <.Alerts.Firing.Status>: can\'t evaluate field Status in type []template.Alert',
    ),
    (
        "{{ .CommonLabels.alertname.foo }}",
        'template: :1:16: executing "" at <.CommonLabels.alertname.foo>: can\'t evaluate field foo in type string',
    ),
    (
        '{{ (print "a").Foo }}',
        'template: :1:10: executing "" at <"a">: can\'t evaluate field Foo in type string',
    ),
    (
        "{{ print .Foo.Bar }}",
        'template: :1:13: executing "" at <.Foo.Bar>: can\'t evaluate field Foo in type *template.Data',
    ),
    ("{{ nil }}", 'template: :1:3: executing "" at <nil>: nil is not a command'),
    ("{{ (nil).foo }}", 'template: :1:4: executing "" at <nil>: nil is not a command'),
    ("{{ 1 2 }}", 'template: :1:3: executing "" at <1>: can\'t give argument to non-function 1'),
    (
        '{{ "a" 1 }}',
        'template: :1:3: executing "" at <"a">: can\'t give argument to non-function "a"',
    ),
    (
        "{{ $x := 1 }}{{ $x 2 }}",
        'template: :1:16: executing "" at <$x>: can\'t give argument to non-function $x',
    ),
    (
        "{{ $x := 1 }}{{ 2 | $x }}",
        'template: :1:20: executing "" at <$x>: can\'t give argument to non-function $x',
    ),
    (
        "{{ .Status 1 }}",
        'template: :1:3: executing "" at <.Status>: Status has arguments but cannot be invoked as function',
    ),
    (
        "{{ .CommonLabels.aa 1 }}",
        'template: :1:16: executing "" at <.CommonLabels.aa>: aa is not a method but has arguments',
    ),
    (
        "{{ 1 | .Status }}",
        'template: :1:7: executing "" at <.Status>: Status has arguments but cannot be invoked as function',
    ),
    (
        "{{ 9223372036854775808 }}",
        'template: :1:3: executing "" at <9223372036854775808>: 9223372036854775808 overflows int',
    ),
    (
        "{{ index .Alerts 2 }}",
        'template: :1:3: executing "" at <index .Alerts 2>: error calling index: reflect: slice index out of range',
    ),
    (
        "{{ index .Alerts 5 }}",
        'template: :1:3: executing "" at <index .Alerts 5>: error calling index: index out of range: 5',
    ),
    (
        "{{ index .Alerts -1 }}",
        'template: :1:3: executing "" at <index .Alerts -1>: error calling index: index out of range: -1',
    ),
    (
        '{{ index .Alerts "a" }}',
        'template: :1:3: executing "" at <index .Alerts "a">: error calling index: cannot index slice/array with type string',
    ),
    (
        "{{ index .Alerts nil }}",
        'template: :1:3: executing "" at <index .Alerts nil>: error calling index: cannot index slice/array with nil',
    ),
    (
        "{{ index .CommonLabels 1 }}",
        'template: :1:3: executing "" at <index .CommonLabels 1>: error calling index: value has type int; should be string',
    ),
    (
        "{{ index .CommonLabels nil }}",
        'template: :1:3: executing "" at <index .CommonLabels nil>: error calling index: value is nil; should be of type string',
    ),
    (
        '{{ index .CommonLabels "aa" "b" }}',
        'template: :1:3: executing "" at <index .CommonLabels "aa" "b">: error calling index: cannot index slice/array with type string',
    ),
    (
        "{{ index nil 1 }}",
        'template: :1:3: executing "" at <index nil 1>: error calling index: index of untyped nil',
    ),
    (
        "{{ index 1 1 }}",
        'template: :1:3: executing "" at <index 1 1>: error calling index: can\'t index item of type int',
    ),
    (
        '{{ index "abc" 3 }}',
        'template: :1:3: executing "" at <index "abc" 3>: error calling index: reflect: string index out of range',
    ),
    (
        "{{ index }}",
        'template: :1:3: executing "" at <index>: wrong number of args for index: want at least 1 got 0',
    ),
    (
        "{{ slice nil }}",
        'template: :1:3: executing "" at <slice nil>: error calling slice: slice of untyped nil',
    ),
    (
        "{{ slice 3 1 }}",
        'template: :1:3: executing "" at <slice 3 1>: error calling slice: can\'t slice item of type int',
    ),
    (
        '{{ slice "hello" 3 1 }}',
        'template: :1:3: executing "" at <slice "hello" 3 1>: error calling slice: invalid slice index: 3 > 1',
    ),
    (
        '{{ slice "hello" 1 9 }}',
        'template: :1:3: executing "" at <slice "hello" 1 9>: error calling slice: index out of range: 9',
    ),
    (
        '{{ slice "hello" 1 2 3 }}',
        'template: :1:3: executing "" at <slice "hello" 1 2 3>: error calling slice: cannot 3-index slice a string',
    ),
    (
        "{{ slice .Alerts 1 1 1 1 }}",
        'template: :1:3: executing "" at <slice .Alerts 1 1 1 1>: error calling slice: too many slice indexes: 4',
    ),
    (
        "{{ slice .CommonLabels 1 }}",
        'template: :1:3: executing "" at <slice .CommonLabels 1>: error calling slice: can\'t slice item of type template.KV',
    ),
    (
        '{{ slice (stringSlice "a" "b") 2 1 }}',
        'template: :1:3: executing "" at <slice (stringSlice "a" "b") 2 1>: error calling slice: invalid slice index: 2 > 1',
    ),
    ("{{ len 3 }}", 'template: :1:3: executing "" at <len 3>: error calling len: len of type int'),
    (
        "{{ len nil }}",
        'template: :1:3: executing "" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value',
    ),
    (
        "{{ not }}",
        'template: :1:3: executing "" at <not>: wrong number of args for not: want 1 got 0',
    ),
    (
        "{{ not 1 2 }}",
        'template: :1:3: executing "" at <not>: wrong number of args for not: want 1 got 2',
    ),
    (
        "{{ and }}",
        'template: :1:3: executing "" at <and>: wrong number of args for and: want at least 1 got 0',
    ),
    (
        "{{ eq }}",
        'template: :1:3: executing "" at <eq>: wrong number of args for eq: want at least 1 got 0',
    ),
    (
        "{{ eq 1 }}",
        'template: :1:3: executing "" at <eq 1>: error calling eq: missing argument for comparison',
    ),
    (
        "{{ lt true false }}",
        'template: :1:3: executing "" at <lt true false>: error calling lt: invalid type for comparison',
    ),
    (
        "{{ lt nil 1 }}",
        'template: :1:3: executing "" at <lt nil 1>: error calling lt: invalid type for comparison',
    ),
    (
        "{{ lt .CommonLabels 1 }}",
        'template: :1:3: executing "" at <lt .CommonLabels 1>: error calling lt: invalid type for comparison',
    ),
    (
        "{{ call .Foo }}",
        'template: :1:8: executing "" at <.Foo>: can\'t evaluate field Foo in type *template.Data',
    ),
    (
        "{{ printf }}",
        'template: :1:3: executing "" at <printf>: wrong number of args for printf: want at least 1 got 0',
    ),
    ("{{ printf 1 }}", 'template: :1:10: executing "" at <1>: expected string; found 1'),
    (
        "{{ range 1.5 }}{{ . }}{{ end }}",
        'template: :1:9: executing "" at <1.5>: range can\'t iterate over 1.5',
    ),
    (
        '{{ range "abc" }}{{ . }}{{ end }}',
        'template: :1:9: executing "" at <"abc">: range can\'t iterate over abc',
    ),
    (
        '{{ template "nope" . }}',
        'template: :1:12: executing "" at <{{template "nope" .}}>: template "nope" not defined',
    ),
    (
        '{{ define "t" }}{{ .Foo }}{{ end }} {{ template "t" . }}',
        'template: :1:19: executing "t" at <.Foo>: can\'t evaluate field Foo in type *template.Data',
    ),
    (
        '{{ define "t" }}{{ .foo.bar.baz }}{{ end }}{{ template "t" .CommonLabels }}',
        'template: :1:23: executing "t" at <.foo.bar.baz>: can\'t evaluate field bar in type string',
    ),
    (
        "é {{ .Foo }}",
        'template: :1:6: executing "" at <.Foo>: can\'t evaluate field Foo in type *template.Data',
    ),
    ("{{ toUpper 1 }}", 'template: :1:11: executing "" at <1>: expected string; found 1'),
    (
        "{{ 1 | toUpper }}",
        'template: :1:7: executing "" at <toUpper>: wrong type for value; expected string; got int',
    ),
    (
        "{{ true | toUpper }}",
        'template: :1:10: executing "" at <toUpper>: wrong type for value; expected string; got bool',
    ),
    (
        "{{ .Alerts | toUpper }}",
        'template: :1:13: executing "" at <toUpper>: wrong type for value; expected string; got template.Alerts',
    ),
    (
        '{{ toUpper "a" "b" }}',
        'template: :1:3: executing "" at <toUpper>: wrong number of args for toUpper: want 1 got 2',
    ),
    (
        "{{ toUpper }}",
        'template: :1:3: executing "" at <toUpper>: wrong number of args for toUpper: want 1 got 0',
    ),
    ("{{ toUpper nil }}", 'template: :1:11: executing "" at <nil>: cannot assign nil to string'),
    (
        "{{ toUpper .CommonLabels.nope.nope }}",
        'template: :1:24: executing "" at <.CommonLabels.nope.nope>: can\'t evaluate field nope in type string',
    ),
    ("{{ print 1 (toUpper 1) }}", 'template: :1:20: executing "" at <1>: expected string; found 1'),
    (
        "{{ print toUpper }}",
        'template: :1:9: executing "" at <toUpper>: wrong number of args for toUpper: want 1 got 0',
    ),
    (
        '{{ safeHtml "<b>" | toUpper }}',
        'template: :1:20: executing "" at <toUpper>: wrong type for value; expected string; got template.HTML',
    ),
    (
        '{{ join "," 1 }}',
        'template: :1:12: executing "" at <1>: can\'t handle 1 for arg of type []string',
    ),
    (
        '{{ join "," "a" }}',
        'template: :1:12: executing "" at <"a">: can\'t handle "a" for arg of type []string',
    ),
    ('{{ stringSlice "a" 1 }}', 'template: :1:19: executing "" at <1>: expected string; found 1'),
    (
        "{{ .Alerts.Firing 1 }}",
        'template: :1:10: executing "" at <.Alerts.Firing>: wrong number of args for Firing: want 0 got 1',
    ),
    (
        "{{ (index .Alerts 0).StartsAt.Format 1 }}",
        'template: :1:37: executing "" at <1>: expected string; found 1',
    ),
    (
        "{{ (index .Alerts 0).StartsAt.Date }}",
        'template: :1:18: executing "" at <0>: can\'t call method/function "Date" with 3 results',
    ),
    (
        "{{ (index .Alerts 0).StartsAt.AddDate 1 2 }}",
        'template: :1:18: executing "" at <0>: wrong number of args for AddDate: want 3 got 2',
    ),
    (
        '{{ (index .Alerts 0).StartsAt.AddDate "1" 2 3 }}',
        'template: :1:38: executing "" at <"1">: expected integer; found "1"',
    ),
    (
        "{{ (index .Alerts 0).StartsAt.AddDate 1.5 2 3 }}",
        'template: :1:38: executing "" at <1.5>: expected integer; found 1.5',
    ),
    (
        "{{ (index .Alerts 0).StartsAt.After nil }}",
        'template: :1:36: executing "" at <nil>: cannot assign nil to time.Time',
    ),
    (
        '{{ match "[" "a" }}',
        'template: :1:3: executing "" at <match "[" "a">: error calling match: error parsing regexp: missing closing ]: `[`',
    ),
    (
        '{{ match "a(b" "x" }}',
        'template: :1:3: executing "" at <match "a(b" "x">: error calling match: error parsing regexp: missing closing ): `a(b`',
    ),
    (
        '{{ match "a)b" "x" }}',
        'template: :1:3: executing "" at <match "a)b" "x">: error calling match: error parsing regexp: unexpected ): `a)b`',
    ),
    (
        '{{ match "*" "a" }}',
        'template: :1:3: executing "" at <match "*" "a">: error calling match: error parsing regexp: missing argument to repetition operator: `*`',
    ),
    (
        '{{ match "a{99999}" "a" }}',
        'template: :1:3: executing "" at <match "a{99999}" "a">: error calling match: error parsing regexp: invalid repeat count: `{99999}`',
    ),
    (
        '{{ match "\\\\8" "a" }}',
        'template: :1:3: executing "" at <match "\\\\8" "a">: error calling match: error parsing regexp: invalid escape sequence: `\\8`',
    ),
    (
        '{{ match "[z-a]" "a" }}',
        'template: :1:3: executing "" at <match "[z-a]" "a">: error calling match: error parsing regexp: invalid character class range: `z-a`',
    ),
    (
        '{{ match "(?z)" "a" }}',
        'template: :1:3: executing "" at <match "(?z)" "a">: error calling match: error parsing regexp: invalid or unsupported Perl syntax: `(?z`',
    ),
    (
        '{{ match "ab\\\\" "x" }}',
        'template: :1:3: executing "" at <match "ab\\\\" "x">: error calling match: error parsing regexp: trailing backslash at end of expression: ``',
    ),
    (
        '{{ match "(?P<n" "x" }}',
        'template: :1:3: executing "" at <match "(?P<n" "x">: error calling match: error parsing regexp: invalid named capture: `(?P<n`',
    ),
    (
        '{{ reReplaceAll "a**" "a" "b" }}',
        'template: :1:3: executing "" at <reReplaceAll "a**" "a" "b">: error calling reReplaceAll: regexp: Compile(`a**`): error parsing regexp: invalid nested repetition operator: `**`',
    ),
]

HTML: Cases = [
    ('<b>{{ "<i>&\'\\"+" }}</b>', "<b>&lt;i&gt;&amp;&#39;&#34;&#43;</b>"),
    ('<a href="{{ (index .Alerts 1).GeneratorURL }}">x</a>', '<a href="#ZgotmplZ">x</a>'),
    (
        '<a href="{{ (index .Alerts 0).GeneratorURL }}">x</a>',
        '<a href="http://p/graph?g0.expr=up&amp;g0.tab=1">x</a>',
    ),
    (
        '<a href="http://x/?q={{ "a b&c=<d>é/" }}&x={{ 1 }}#{{ "z z" }}">x</a>',
        '<a href="http://x/?q=a%20b%26c%3d%3cd%3e%c3%a9%2f&x=1#z%20z">x</a>',
    ),
    (
        '<a href="http://x/{{ "a b&c=<d>é/%41%zz?\'" }}/y">x</a>',
        '<a href="http://x/a%20b&amp;c=%3cd%3e%c3%a9/%41%25zz?%27/y">x</a>',
    ),
    (
        '<a href=\'{{ "/rel?a=b c" }}\'>x</a> <a href={{ "a b" }}>x</a>',
        "<a href='/rel?a=b%20c'>x</a> <a href=a%20b>x</a>",
    ),
    (
        '<a href="{{ "mailto:a@b" }}"></a><a href="{{ "ftp://a" }}"></a><a href="{{ "HTTP://a" }}"></a><a href="{{ "a/b:c" }}"></a>',
        '<a href="mailto:a@b"></a><a href="#ZgotmplZ"></a><a href="HTTP://a"></a><a href="a/b:c"></a>',
    ),
    (
        '<p title="{{ "<i>&\'\\"+`" }}" class=\'{{ "a b" }}\' id={{ "a b=c`\'<>\\"" }}>',
        "<p title=\"&lt;i&gt;&amp;&#39;&#34;&#43;`\" class='a b' id=a&#32;b&#61;c&#96;&#39;&lt;&gt;&#34;>",
    ),
    (
        '<p style="color: {{ "red" }}; background: {{ "url(javascript:1)" }}; width: {{ 10 }}px">x</p>',
        '<p style="color: red; background: ZgotmplZ; width: 10px">x</p>',
    ),
    (
        '<style>p { color: {{ "red" }}; } q { x: {{ "expression(1)" }} } r { y: {{ "#fff" }} }</style>{{ "<" }}',
        "<style>p { color: red; } q { x: ZgotmplZ } r { y: #fff }</style>&lt;",
    ),
    (
        '<script>var x = {{ "a<b>\'\\"" }}; var y = {{ 1.5 }}; var z = \'{{ "it\'s </script>" }}\'; var l = {{ stringSlice "a" "b" }};</script>{{ "<" }}',
        '<script>var x = "a\\u003cb\\u003e\'\\""; var y =  1.5 ; var z = \'it\\u0027s \\u003c\\/script\\u003e\'; var l = ["a","b"];</script>&lt;',
    ),
    (
        "<script>f({{ .CommonLabels }}, {{ true }}, {{ 2 }})</script>",
        '<script>f({"aa":"1","alertname":"CPU","zz":"é\\"q"},  true ,  2 )</script>',
    ),
    (
        '<button onclick="f({{ "a\'b\\"" }})">x</button> <button onclick=\'f("{{ "a\'b\\"/" }}")\'>y</button>',
        '<button onclick="f(&#34;a&#39;b\\&#34;&#34;)">x</button> <button onclick=\'f("a\\u0027b\\u0022\\/")\'>y</button>',
    ),
    ('<!-- comment {{ "x" }} -->a<!-- b -->c', "ac"),
    (
        '<textarea>{{ "<b>&" }}</textarea><title>{{ "<b>&" }}</title>{{ safeHtml "<u>" }}',
        "<textarea>&lt;b&gt;&amp;</textarea><title>&lt;b&gt;&amp;</title><u>",
    ),
    (
        '<b>{{ safeHtml "<u>x</u>" }}</b> <p title="{{ safeHtml "<u>x</u>&amp;\\"" }}">',
        '<b><u>x</u></b> <p title="x&amp;&#34;">',
    ),
    ("{{ .CommonLabels.nope }}|", "|"),
    (
        '{{ html "<b>" }}|{{ "<b>" | html }}|{{ urlquery "a b<" }}|{{ js "<\'" }}',
        "&lt;b&gt;|&lt;b&gt;|a&#43;b%3C|\\u003C\\&#39;",
    ),
    (
        '<a href="{{ urlquery "a b<" }}"> <a href="/x?{{ "a b" | urlquery }}">',
        '<a href="a&#43;b%3C"> <a href="/x?a&#43;b">',
    ),
    (
        '<img src="{{ "data:image/png;base64,xx" }}"> <form action="{{ "javascript:1" }}"> <img srcset="{{ "/a 1x, /b 2x" }}"> <img srcset="{{ "javascript:1 1x" }}">',
        '<img src="#ZgotmplZ"> <form action="#ZgotmplZ"> <img srcset="/a 1x, /b 2x"> <img srcset="#ZgotmplZ">',
    ),
    (
        '{{ range .Alerts }}<li class="{{ .Status }}">{{ .Annotations.summary }}</li>{{ end }}',
        '<li class="firing">&lt;b&gt;hot&lt;/b&gt; &amp; &#39;bad&#39;</li><li class="resolved"></li>',
    ),
    (
        '<p {{ "class" }}="x"> <p {{ "onclick" }}="x"> <p {{ "a b" }}>',
        '<p class="x"> <p ZgotmplZ="x"> <p ZgotmplZ>',
    ),
    ('<input value={{ 1 }}> <input value={{ "x" }}/>', "<input value=1> <input value=x/>"),
    (
        '{{ define "t" }}<i>{{ . }}</i>{{ end }}<b title="{{ "a" }}">{{ template "t" "<x>" }}</b>',
        '<b title="a"><i>&lt;x&gt;</i></b>',
    ),
    (
        '<A HREF="{{ "javascript:1" }}">x</A><a data-href="{{ "javascript:1" }}"></a><a foo="{{ "javascript:1" }}"></a><svg xlink:href="{{ "javascript:1" }}">',
        '<A HREF="#ZgotmplZ">x</A><a data-href="#ZgotmplZ"></a><a foo="javascript:1"></a><svg xlink:href="#ZgotmplZ">',
    ),
    (
        '<p title="{{ .CommonLabels.zz }}">{{ .CommonLabels.zz }}</p>{{ (index .Alerts 0).StartsAt }}',
        '<p title="é&#34;q">é&#34;q</p>2024-03-05 06:07:08.123456789 &#43;0000 UTC',
    ),
    (
        '<a href="{{ .ExternalURL }}/#/alerts?receiver={{ .Receiver }}">x</a>',
        '<a href="http://e/x/#/alerts?receiver=team%5c.x">x</a>',
    ),
    (
        '<a href="{{ "x" }}{{ "javascript:1" }}">x</a> <a href=" {{ "javascript:1" }}">',
        '<a href="x#ZgotmplZ">x</a> <a href=" #ZgotmplZ">',
    ),
    (
        '<td style="background: {{ if true }}#f00{{ else }}#0f0{{ end }}; {{ "color: red" }}">{{ 1 }}</td>',
        '<td style="background: #f00; color: red">1</td>',
    ),
    (
        '{{ 1.5 }} {{ true }} {{ .CommonLabels.Names }} {{ print "a" "b" }} {{ len "x" }}',
        "1.5 true [alertname aa zz] ab 1",
    ),
    ("<a title='{{ \"'\" }}' href='?a={{ \"'\" }}'>", "<a title='&#39;' href='?a=%27'>"),
    ('<style>b { content: "{{ "q\\"" }}" }</style>', '<style>b { content: "q\\22 " }</style>'),
]
