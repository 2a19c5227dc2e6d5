from __future__ import annotations

import pytest

from alerts.templating.alertmanager import Notifier, load
from alerts.templating.errors import TemplateError
from alerts.templating.notification_data import common
from tests.alerts.templating.amtool_cases import DATA
from tests.alerts.templating.notification import NOW, html, notification, params, rendered, text


@pytest.mark.parametrize(("template", "expected"), params(DATA))
def test_a_notification_shows_what_alertmanager_shows(template: str, expected: str) -> None:
    assert rendered(template) == expected


# Of an Alertmanager later than Debian's.
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ .CommonLabels }}", 'alertname=CPU, aa=1, zz=é"q'),
        ("{{ .CommonLabels.SortedPairs }}", 'alertname=CPU, aa=1, zz=é"q'),
        ('{{ .CommonLabels.SortedPairs.Names.Join ", " }}', "alertname, aa, zz"),
        ('{{ .CommonLabels.Values.Join ":" }}', 'CPU:1:é"q'),
        ('{{ "  a b " | trimSpace }}|', "a b|"),
        ("{{ now }}", "2024-03-06 08:00:00 +0000 UTC"),
        ("{{ since (index .Alerts 1).EndsAt | humanizeDuration }}", "14h 52m 52s"),
        ('{{ (index .Alerts 0).StartsAt | tz "Asia/Tokyo" | date "15:04 MST" }}', "15:07 JST"),
        ('{{ toDate "2006-01-02" "2024-03-05" | date "02.01.06" }}', "05.03.24"),
        ('{{ (toDate "2006-01-02" "no date").IsZero }}', "true"),
        ('{{ urlUnescape "a%20b+c%C3%A9" }}', "a b cé"),
        ('{{ base64encode "a?>é" }} {{ base64decode "YT8-w6k=" }}', "YT8-w6k= a?>é"),
        (
            '{{ (dict "a" 1 "b" (list 1 "x")).b }} {{ append (list 1) 2 3 }} {{ list | len }}',
            "[1 x] [1 2 3] 0",
        ),
        (
            '{{ dict "b" 1.5 "a" (list true nil "<é>") | toJson }}',
            '{"a":[true,null,"\\u003cé\\u003e"],"b":1.5}',
        ),
        (
            "{{ list 1e21 1e-7 0.000001 100000.0 1e20 | toJson }}",
            "[1e+21,1e-7,0.000001,100000,100000000000000000000]",
        ),
        (
            "{{ index .Alerts 1 | toJson }}",
            '{"status":"resolved","labels":{"alertname":"CPU","instance":"a:1"},"annotations":{},'
            '"startsAt":"2024-03-05T16:07:08+02:00","endsAt":"2024-03-05T17:07:08Z",'
            '"generatorURL":"javascript:alert(1)","fingerprint":"def"}',
        ),
        ('{{ humanizeDuration 90 }} {{ title "hELLO" }}', "1m 30s Hello"),
    ],
)
def test_a_function_of_a_later_alertmanager(template: str, expected: str) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ('{{ tz "No/Where" now }}', "error calling tz: unknown time zone No/Where"),
        ('{{ tz "../../etc/passwd" now }}', "error calling tz: unknown time zone ../../etc/passwd"),
        ('{{ mustToDate "2006" "x" }}', 'error calling mustToDate: parsing time "x" as "2006"'),
        ('{{ urlUnescape "%zz" }}', 'error calling urlUnescape: invalid URL escape "%zz"'),
        ('{{ base64decode "*" }}', "error calling base64decode: illegal base64 data"),
        ('{{ dict "a" }}', "error calling dict: dict requires an even number of arguments"),
        ("{{ dict 1 2 }}", "error calling dict: dict keys must be strings"),
        ('{{ append "a" 1 }}', 'can\'t handle "a" for arg of type []interface {}'),
        ("{{ toJson (list 1i) }}", "error calling toJson: json: unsupported type: complex128"),
        ('{{ since "a" }}', 'can\'t handle "a" for arg of type time.Time'),
    ],
)
def test_a_function_refuses_what_it_cannot_use(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        text(template)

    assert message in str(raised.value)


def test_a_label_of_the_route_may_ask_for_others() -> None:
    shown = text(
        '{{ routeLabels "url" }} {{ routeLabels "nope" }}|',
        team="{{ .CommonLabels.alertname | toLower }}",
        url='http://{{ routeLabels "team" }}.example.com',
    )

    assert shown == "http://cpu.example.com |"


def test_labels_of_the_route_that_need_each_other_are_an_error() -> None:
    with pytest.raises(TemplateError, match="route label cycle detected: a -> b -> a"):
        text('{{ routeLabels "a" }}', a='{{ routeLabels "b" }}', b='{{ routeLabels "a" }}')


def test_files_of_templates_can_be_included_and_the_last_one_wins() -> None:
    templates = load(
        {
            "default.tmpl": '{{ define "title" }}default {{ .Status }}{{ end }}{{ define "x" }}x{{ end }}',
            "own.tmpl": '{{ define "title" }}own {{ template "x" }} {{ .Status }}{{ end }}',
        }
    )

    assert (
        Notifier(NOW, templates).text('{{ template "title" . }}', notification()) == "own x firing"
    )


def test_a_file_that_is_no_template_is_named() -> None:
    with pytest.raises(TemplateError, match=r"^template: own.tmpl:2: unclosed action"):
        load({"own.tmpl": "line\n{{ "})


def test_a_text_without_actions_is_itself() -> None:
    assert text("plain }}") == html("plain }}") == "plain }}"


def test_common_labels_are_those_that_all_alerts_share() -> None:
    assert common([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": "1"}]) == {"a": "1"}
    assert common([]) == {}
