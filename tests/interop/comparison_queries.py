"""What two servers are asked: one of everything by hand, and expressions made up at random."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_OF_WINDOWS = (
    *("rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets"),
    *("avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time"),
    *("stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time"),
    *("absent_over_time", "quantile_over_time", "predict_linear"),
)
_OF_VALUES = (
    *("abs", "ceil", "floor", "round", "exp", "sqrt", "ln", "log2", "log10", "sgn", "deg", "rad"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh"),
    *("atanh", "timestamp", "absent", "sort", "sort_desc"),
    *("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month"),
    *("month", "year"),
)
_AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
_ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
_SELECTORS = (
    "http_requests_total",
    'http_requests_total{job="api"}',
    'http_requests_total{code=~"4..|5.."}',
    'http_requests_total{instance!="a:1",job!~"a.*"}',
    "node_load",
    "temperature_celsius",
    'temperature_celsius{room!="garden"}',
    "request_limit",
    "up_and_down",
    "once",
    "size",
    'duration_seconds_bucket{le="0.5"}',
)
_RANGES = ("15s", "1m", "90s", "5m", "7m30s", "20m", "1h")
_GROUPINGS = ("", "by (job)", "by (instance, job)", "without (instance)", "by ()", "without ()")
_MODIFIERS = ("", "", "", " offset 5m", " offset -3m")


def queries() -> Iterator[str]:
    """Yield every query, each once."""
    yield from dict.fromkeys([*by_hand(), *_systematic(), *_at_random(350)])


def by_hand() -> Iterator[str]:
    """Yield queries that were each written for a reason, one a line."""
    for line in _BY_HAND.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def wrong() -> Iterator[str]:
    """Yield what is refused, in the parser, in the types, or by the data."""
    for line in _WRONG.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def _systematic() -> Iterator[str]:
    """Yield each function on what it is for, and on what it is not."""
    for function in _OF_WINDOWS:
        for selector in ("http_requests_total", "temperature_celsius", "node_load", "once"):
            yield _of_window(function, f"{selector}[5m]")
        yield _of_window(function, "http_requests_total[40s]")
        yield _of_window(function, "temperature_celsius[1h] @ end() offset -2m")
        yield _of_window(function, "sum by (job) (node_load or http_requests_total)[10m:45s]")
    for function in _OF_VALUES:
        yield f"{function}(temperature_celsius)"
        yield f"{function}(epoch_seconds)"
    for operator in (*_ARITHMETIC, *_COMPARISONS):
        yield f"temperature_celsius {operator} 20"
        yield f"0 {operator} temperature_celsius"
        yield f"-1.5 {operator}{' bool' if operator in _COMPARISONS else ''} 0"
        yield f"size {operator} size offset 10m"
        yield (f"http_requests_total {operator} on (job) group_left request_limit")
    for operator in _COMPARISONS:
        yield f"node_load {operator} bool 2"
        yield f"node_load {operator} bool (node_load offset 1m)"
    for aggregation in _AGGREGATIONS:
        for grouping in _GROUPINGS:
            yield f"{aggregation} {grouping} (http_requests_total)"
        yield f"{aggregation} (temperature_celsius)"
        yield f"{aggregation} by (size) (size)"
        yield f"{aggregation} by (room) (rate(temperature_celsius[5m]))"
    for q in ("-1", "0", "0.25", "0.5", "0.99", "1", "2", "NaN"):
        yield f"quantile({q}, node_load)"
        yield f"quantile by (job) ({q}, http_requests_total)"
        yield f"quantile_over_time({q}, temperature_celsius[10m])"
        yield f"histogram_quantile({q}, rate(duration_seconds_bucket[5m]))"
        yield f"histogram_quantile({q}, sum by (le, job) (rate(duration_seconds_bucket[5m])))"
        yield f"histogram_quantile({q}, broken_bucket)"


def _at_random(count: int) -> Iterator[str]:
    random = Random(42)  # noqa: S311 (nothing secret)
    for number in range(count):
        vector = _vector(random, random.choice([1, 2, 2, 3]))
        if number % 12 == 0:
            # On the outside only: which of equal values are among the first is nobody's promise.
            vector = f"{random.choice(['topk', 'bottomk'])}({random.randrange(1, 4)}, {vector})"
        yield vector


def _vector(random: Random, depth: int) -> str:
    """Return an instant vector, of that many layers."""
    if depth == 0:
        selector = random.choice(_SELECTORS)
        if random.random() < 0.6:
            return selector + random.choice(_MODIFIERS)
        window = f"{selector}[{random.choice(_RANGES)}]{random.choice(_MODIFIERS)}"
        return _of_window(random.choice(_OF_WINDOWS), window)
    inside = _vector(random, depth - 1)
    match random.randrange(8):
        case 0 | 1:
            grouping = random.choice(_GROUPINGS)
            return f"{random.choice(_AGGREGATIONS)} {grouping} ({inside})"
        case 2:
            return f"{random.choice(_OF_VALUES[:29])}({inside})"
        case 3:
            number = random.choice(["0", "1", "-2.5", "100", "1e3", "0.1"])
            operator = random.choice([*_ARITHMETIC, *_COMPARISONS])
            parts = [f"({inside})", number]
            random.shuffle(parts)
            return f" {operator} ".join(parts)
        case 4 | 5:
            other = _vector(random, random.randrange(depth))
            operator = random.choice([*_ARITHMETIC, *_COMPARISONS, "and", "or", "unless"])
            matching = random.choice(["", "", "on (job)", "ignoring (code)", "on (instance, job)"])
            return f"({inside}) {operator} {matching} ({other})"
        case 6:
            side = random.choice(["left", "right"])
            operator = random.choice(_ARITHMETIC)
            one = f"sum by (job) ({_vector(random, 0)})"
            lhs, rhs = (f"({inside})", one) if side == "left" else (one, f"({inside})")
            return f"{lhs} {operator} on (job) group_{side} () {rhs}"
        case _:
            window = f"({inside})[{random.choice(['5m', '10m', '17m'])}:{random.choice(['', '30s', '90s'])}]"
            return _of_window(random.choice(_OF_WINDOWS), window + random.choice(_MODIFIERS))


def _of_window(function: str, window: str) -> str:
    match function:
        case "quantile_over_time":
            return f"{function}(0.7, {window})"
        case "predict_linear":
            return f"{function}({window}, 600)"
        case _:
            return f"{function}({window})"


_BY_HAND = r"""
# selecting
http_requests_total
{__name__="node_load"}
{__name__=~"node_.*|once"}
{__name__=~".*_celsius",room!~"c.*"}
http_requests_total{job="api",code="200"}
http_requests_total{job=~"api|web",instance=~"a.*"}
http_requests_total{job=~""}
http_requests_total{nothing=""}
http_requests_total{nothing!="",job="api"}
http_requests_total{code!~"2.*"}
http_requests_total{code=~"(?i)200"}
labelled{label_99=""}
labelled{label_99!=""}
text{text="new\nline"}
text{text=~"k.se.*"}
text{text="quote \""}
text{text='quote "'}
text{text=`back\slash`}
text{text=~"\\d+"}
text{text=~"[0-9]{1,2}"}
text{text=~" .* "}
text{text=~"a,b|käse ✓"}
text{text!~".+"}
unknown_metric
once
once offset 5m
once offset -5m
node_load offset 1m
node_load offset -1m
node_load @ start()
node_load @ end()
node_load @ end() offset 2m
node_load offset 2m @ start()
temperature_celsius{room="attic"}
temperature_celsius{room="attic"} offset 30s
job:http_requests:rate5m
constant
constant offset 4m59s
constant offset -4m59s
once offset 299999ms
# literals
1
-1
+1
1.5e3
0x1F
010
1e-300
1e309
-Inf
NaN
.5
5.
"a string"
'another'
`raw \n`
"tab\tquote\"uni\u2713"
"no UTF-8: \xff"
time()
pi()
-time()
1 + 2 * 3 ^ 2 ^ 0.5 - -4 % 3
2 ^ -1
-2 ^ 2
(-2) ^ 2
-2 ^ 0.5
7 % -3
-7 % 3
5.5 % 2
0 / 0
1 / 0
-1 / 0
1 % 0
0 ^ 0
NaN ^ 0
1 ^ NaN
Inf - Inf
1 > bool 1
1 >= bool 1
NaN == bool NaN
NaN != bool NaN
1 atan2 0
-0 atan2 -1
vector(1)
vector(NaN)
vector(time())
scalar(vector(3))
scalar(constant)
scalar(node_load)
scalar(unknown_metric)
scalar(constant) * node_load
vector(scalar(sum(node_load)))
# windows
rate(http_requests_total[1m])
rate(http_requests_total[5m])
rate(http_requests_total[1h])
increase(http_requests_total[5m])
increase(http_requests_total[90m])
rate(http_requests_total[5m] offset 10m)
rate(http_requests_total[5m] @ end())
rate(http_requests_total[5m] offset -5m)
irate(http_requests_total[30s])
irate(http_requests_total[2m])
rate(duration_seconds_sum[5m]) / rate(duration_seconds_count[5m])
delta(temperature_celsius{room="cellar"}[30m])
deriv(temperature_celsius{room="cellar"}[30m])
deriv(constant[10m])
deriv(epoch_seconds[10m])
predict_linear(temperature_celsius{room="cellar"}[30m], 3600)
predict_linear(temperature_celsius{room="cellar"}[30m] offset 10m, -600)
predict_linear(node_load[30m], scalar(constant))
predict_linear(epoch_seconds[5m] @ start(), 60)
holt_winters(temperature_celsius{room="cellar"}[30m], 0.3, 0.6)
holt_winters(node_load[30m], 0.1, 0.9)
quantile_over_time(0.5, node_load[30m])
quantile_over_time(scalar(constant) / 100, node_load[30m])
stddev_over_time(temperature_celsius{room="cellar"}[1h])
stdvar_over_time(constant[1h])
avg_over_time(size[10m])
sum_over_time(size{size="exact"}[10m])
avg_over_time(size{size="huge"}[90m])
min_over_time(temperature_celsius{room="garden"}[10m])
max_over_time(temperature_celsius{room="garden"}[10m])
sum_over_time(temperature_celsius{room="kitchen"}[10m])
count_over_time(temperature_celsius[10m])
last_over_time(once[20m])
present_over_time(once[5m])
changes(up_and_down[10m])
resets(up_and_down[10m])
changes(temperature_celsius{room="garden"}[90m])
changes(constant[10m])
changes(http_requests_total[90m])
resets(http_requests_total[90m])
count_over_time(http_requests_total{code="200"}[1ms])
count_over_time(constant[1m])
count_over_time(constant[59s])
count_over_time(constant[61s])
count_over_time(constant[1m] offset 1ms)
count_over_time(constant[1m] offset -1ms)
rate(constant[1m])
rate(epoch_seconds[1m])
rate(epoch_seconds[2m])
absent(unknown_metric)
absent(unknown_metric{job="api",code=~"2.."})
absent(unknown_metric{job="api",job="web"})
absent(unknown_metric{job="api",job=~"a.*"})
absent(sum(unknown_metric))
absent(node_load)
absent(once)
absent({job="nothing"})
absent_over_time(unknown_metric{job="api"}[5m])
absent_over_time(once[5m])
absent_over_time(once[5m:1m])
absent_over_time({job="nothing"}[5m])
absent_over_time(rate(unknown_metric[5m])[10m:])
# subqueries
max_over_time(rate(http_requests_total[1m])[10m:1m])
min_over_time(rate(http_requests_total[1m])[10m:])
sum_over_time(constant[10m:3m])
count_over_time(constant[10m:7s])
count_over_time(constant[10m:1m] offset 30s)
count_over_time(vector(1)[1h:13m])
count_over_time(vector(1)[1h:1h])
count_over_time(vector(1)[1s:1h])
count_over_time(vector(time())[5m:30s] @ start())
sum_over_time(vector(time())[5m:30s])
avg_over_time(sum(node_load)[10m:30s])
rate(sum by (job) (http_requests_total)[10m:1m])
rate(http_requests_total[10m:15s])
deriv(rate(http_requests_total{job="api"}[2m])[10m:1m])
max_over_time(max_over_time(rate(http_requests_total[1m])[5m:1m])[10m:2m])
quantile_over_time(0.9, sum by (job) (rate(http_requests_total[2m]))[15m:1m])
last_over_time(once[30m:1m])
last_over_time((node_load > 2)[10m:1m])
count_over_time((node_load > 2)[10m:1m])
stddev_over_time(node_load[10m:30s] offset 5m)
(sum(node_load))[5m:1m]
node_load[5m:1m]
changes(time()[5m:1m])
sum_over_time(timestamp(once)[10m:1m])
# whole windows
node_load[5m]
temperature_celsius{room="garden"}[10m]
temperature_celsius{room="attic"}[10m] offset 5m
once[10m]
http_requests_total{job="web",instance="c:1"}[3m]
constant[2m] @ end()
# aggregations
sum(http_requests_total)
sum by (job) (rate(http_requests_total[5m]))
sum without (instance, code) (rate(http_requests_total[5m]))
sum by (nothing) (node_load)
sum(rate(http_requests_total{code="500"}[5m])) / sum(rate(http_requests_total[5m]))
avg(size)
avg(size{size="huge"})
avg(temperature_celsius)
min(temperature_celsius)
max(temperature_celsius{room="garden"})
stddev(node_load)
stdvar(http_requests_total)
stddev(constant)
count(http_requests_total)
count by (__name__) ({__name__=~"http.*|node.*"})
group(http_requests_total) by (job)
sum(node_load) without (instance)
topk(1, node_load)
topk(2, rate(http_requests_total[5m]))
topk(2, http_requests_total) by (job)
topk by (job) (1, http_requests_total)
topk(0, node_load)
topk(-1, node_load)
topk(100, node_load)
topk(1.9, node_load)
topk(scalar(constant) - 40, node_load)
topk(3, temperature_celsius)
bottomk(1, node_load)
bottomk(2, rate(http_requests_total[5m]))
bottomk without (instance) (1, http_requests_total)
bottomk(3, temperature_celsius)
topk(3, tied)
bottomk(3, tied)
topk(5, tied)
bottomk(4, tied) by (n)
count_values("value", tied)
count_values("value", temperature_celsius{room="garden"})
count_values("value", size)
count_values("job", request_limit)
count_values by (job) ("n", http_requests_total)
count_values without (n) ("n", tied)
count_values without (value) ("value", tied)
quantile(0.5, http_requests_total)
quantile by (job) (scalar(constant) / 100, http_requests_total)
quantile(0.5, temperature_celsius)
sum(unknown_metric)
count(unknown_metric)
sum(sum by (job) (count by (job, code) (http_requests_total)))
# operators
node_load + node_load
node_load + 1
1 - node_load
node_load * -1
-node_load
- - node_load
+node_load
-(node_load > 2)
node_load > 2
2 < node_load
node_load > bool 2
node_load == node_load
node_load != node_load
node_load > node_load offset 1m
temperature_celsius == temperature_celsius
temperature_celsius != temperature_celsius
temperature_celsius > 20 < 25
temperature_celsius{room="garden"} ^ 2
temperature_celsius{room="garden"} % 7
node_load ^ 0.5
node_load % 1
http_requests_total * on (job, instance) group_left (version) build_info
build_info * on (job, instance) group_right (version) http_requests_total
http_requests_total / on (job) group_left request_limit
request_limit - on (job) group_right sum by (job, code) (http_requests_total)
http_requests_total > on (job) group_left request_limit
http_requests_total > bool on (job) group_left request_limit
request_limit < on (job) group_right http_requests_total
sum by (job) (http_requests_total) / on (job) request_limit
sum by (job) (http_requests_total) / ignoring (nothing) request_limit
sum by (job) (http_requests_total) > ignoring () request_limit
sum by (job, code) (http_requests_total) / ignoring (code) group_left sum by (job) (http_requests_total)
http_requests_total and on (job) request_limit
http_requests_total and http_requests_total{code="200"}
http_requests_total and on () vector(1)
http_requests_total unless on (job) request_limit
http_requests_total unless on (instance) build_info
http_requests_total unless http_requests_total{code="200"}
http_requests_total{code="200"} or http_requests_total{job="api"}
node_load or vector(0)
unknown_metric or vector(0)
vector(0) or node_load
vector(0) or on () node_load
once or once offset 5m
node_load > 3 or node_load < 1
node_load and node_load > 1 unless node_load > 3
node_load > 1 and node_load < 3
request_limit or on (job) sum by (job) (http_requests_total)
(node_load > 2) * 2
node_load > scalar(avg(node_load))
node_load atan2 1
1 atan2 node_load
build_info == on (job, instance) build_info
build_info and ignoring (version) build_info
# functions of values
round(node_load)
round(node_load, 0.25)
round(node_load, 0)
round(-node_load, 5)
round(vector(2.5))
round(vector(-2.5))
round(temperature_celsius{room="garden"}, 0.1)
clamp(node_load, 1, 2)
clamp(node_load, 2, 1)
clamp(node_load, NaN, 2)
clamp(node_load, 1, NaN)
clamp(temperature_celsius{room="garden"}, 0, 22)
clamp_min(node_load, 2)
clamp_max(node_load, 2)
clamp_min(temperature_celsius{room="garden"}, 21)
clamp_max(temperature_celsius{room="garden"}, NaN)
abs(-node_load)
sgn(node_load - 2)
sqrt(-node_load)
ln(node_load - 2)
exp(size)
log2(size)
log10(size{size="tiny"})
ceil(temperature_celsius{room="garden"})
floor(-0.5 * node_load)
asin(node_load / 4)
acosh(node_load)
deg(rad(node_load))
timestamp(node_load)
timestamp(node_load offset 1m)
timestamp(once @ end())
timestamp(node_load + 0)
timestamp(timestamp(node_load))
timestamp(sum(node_load))
time() - timestamp(node_load)
minute()
hour()
day_of_week()
day_of_month()
day_of_year()
days_in_month()
month()
year()
minute(epoch_seconds)
day_of_year(epoch_seconds)
days_in_month(epoch_seconds)
year(epoch_seconds * 20)
month(vector(0))
day_of_week(vector(-86400))
hour(vector(1e9 + 0.9))
year(vector(NaN))
# labels
label_replace(node_load, "host", "$1", "instance", "(.*):.*")
label_replace(node_load, "instance", "", "instance", ".*")
label_replace(node_load, "instance", "x-$1-y", "instance", "(a|b):1")
label_replace(node_load, "host", "${1}0", "instance", "(.).*")
label_replace(node_load, "host", "$name", "instance", "(?P<name>.).*")
label_replace(node_load, "host", "$$1", "instance", "(.).*")
label_replace(node_load, "host", "none", "nothing", "")
label_replace(node_load, "host", "none", "nothing", ".+")
label_replace(node_load, "__name__", "renamed", "", "")
label_replace(rate(http_requests_total[5m]), "__name__", "requests_$1", "job", "(.*)")
label_replace(vector(1), "a", "b", "", "")
label_replace(node_load, "host", "$2", "instance", "(.).*")
label_join(node_load, "joined", "-", "instance", "nothing", "__name__")
label_join(http_requests_total, "joined", "/", "job", "instance")
label_join(node_load, "instance", "")
label_join(http_requests_total, "job", ",", "code", "job")
sort(node_load)
sort_desc(node_load)
sort(temperature_celsius)
sort_desc(temperature_celsius)
sort(sum by (job) (http_requests_total))
sort_desc(rate(http_requests_total[5m]))
# histograms
histogram_quantile(0.9, duration_seconds_bucket)
histogram_quantile(0.9, rate(duration_seconds_bucket[5m]))
histogram_quantile(0.5, sum by (le) (rate(duration_seconds_bucket[5m])))
histogram_quantile(0.5, sum by (job, le) (increase(duration_seconds_bucket[10m])))
histogram_quantile(scalar(constant) / 100, duration_seconds_bucket)
histogram_quantile(0.5, broken_bucket{kind="negative"})
histogram_quantile(0.01, broken_bucket{kind="negative"})
histogram_quantile(0.5, broken_bucket{kind="twice"})
histogram_quantile(0.9, node_load)
histogram_quantile(0.9, rate(broken_bucket[5m]))
histogram_quantile(0.9, duration_seconds_bucket{le!="+Inf"})
avg by (job) (histogram_quantile(0.9, rate(duration_seconds_bucket[5m])))
# on a dashboard
sum(rate(duration_seconds_bucket{le="0.5"}[5m])) by (job) / sum(rate(duration_seconds_count[5m])) by (job)
(sum(rate(duration_seconds_bucket{le="0.5"}[5m])) by (job) + sum(rate(duration_seconds_bucket{le="5"}[5m])) by (job)) / 2 / sum(rate(duration_seconds_count[5m])) by (job)
100 - (avg by (job) (rate(http_requests_total{code="200"}[5m])) * 100)
max by (instance) (node_load) > 1.5 * avg_over_time(max by (instance) (node_load)[30m:1m])
count(count by (instance) (http_requests_total))
sum by (job) (increase(http_requests_total[1h])) > 0
topk(3, sum by (instance, job) (rate(http_requests_total[5m])))
avg_over_time((sum(rate(http_requests_total[2m])))[20m:2m])
(time() - timestamp(once)) > 120
http_requests_total offset 1h or http_requests_total
rate(http_requests_total[5m]) / ignoring (code) group_left sum without (code) (rate(http_requests_total[5m]))
"""

_WRONG = r"""
# the text
sum(
)
node_load[5m
node_load[]
node_load[5]
node_load{
node_load{instance}
node_load{instance="a:1"
node_load{instance=a}
node_load{instance=~"("}
node_load{=~"x"}
{}
{__name__=""}
{job=~".*"}
{job!="api"}
"unclosed
'un\closed'
"\xzz"
5m
node_load offset
node_load offset 5
node_load @ foo
node_load @ 5m
1 +
+ *
1 2
a b
node_load and
foo(
foo(node_load)
sum by job (node_load)
sum by (job (node_load)
sum(node_load) by
rate(node_load[5m)
node_load[5m:1m
node_load[5m] offset 5m offset 1m
node_load @ 1 @ 2
1 and 2
node_load on (job) node_load
node_load + on (job) group_left (job) node_load
node_load and on (job) group_left node_load
node_load + bool node_load
1 > 2
"a" + 1
"a" > "b"
-"a"
node_load == bool
#
0x
1e
08
1..2
node_load[0s]
node_load[-5m]
node_load[5m:0s]
node_load[1m][1m]
node_load offset 1m [5m]
sum(node_load[5m])
abs(1)
abs(node_load[5m])
abs()
abs(node_load, node_load)
rate(node_load)
rate(sum(node_load)[5m])
round(node_load, node_load)
scalar(1)
vector(node_load)
topk(node_load, node_load)
topk(node_load)
quantile("a", node_load)
count_values(5, node_load)
count_values("a b c", node_load)
label_replace(node_load, "a")
label_replace(node_load, "a", "b", "c", 5)
time(1)
1[5m]
time()[5m]
node_load[5m] + 1
node_load[5m] and node_load
!node_load
node_load =~ "a"
a{b="c",b!="c"
a{b="c",,}
a{,}
sum without (node_load)
node_load{instance="a:1",instance="b:1"}[5m] [1m]
histogram_quantile(0.9)
clamp(node_load, 1)
node_load ; node_load
node_load{instance="a:1"} {job="b"}
offset
sum
by
start()
node_load @ start
node_load[1y1y]
node_load[1m1h]
node_load[1.5m]
# the data
http_requests_total + on (job) request_limit
http_requests_total + on (job) http_requests_total
http_requests_total * on (job) group_left http_requests_total
request_limit * on (job) group_left http_requests_total
request_limit + on (job) http_requests_total
{__name__=~"once|constant"} + on () vector(1)
rate({__name__=~"duration_seconds_sum|duration_seconds_count"}[5m])
abs({__name__=~"duration_seconds_sum|duration_seconds_count"})
-{__name__=~"duration_seconds_sum|duration_seconds_count"}
label_replace(node_load, "instance", "same", "", "")
label_replace(node_load, "host", "$1", "instance", "(")
label_replace(node_load, "1a", "$1", "instance", "(.*)")
label_replace(node_load, "\xff", "$1", "instance", "(.*)")
label_replace(node_load, "host", "\xff", "", "")
count_values("a\xffb", node_load)
label_join(node_load, "instance", ",")
label_join(node_load, "1a", ",", "instance")
holt_winters(node_load[5m], 0, 0.5)
holt_winters(node_load[5m], 0.5, 1)
topk(NaN, node_load)
topk(1e30, node_load)
histogram_quantile(0.9, {__name__=~"duration_seconds_bucket|broken_bucket"})
"""
