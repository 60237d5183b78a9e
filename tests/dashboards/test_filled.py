"""What stands in for Grafana when its boards' queries are asked without it."""

from datetime import timedelta

from dashboards.filled import filled


def test_all_of_grafanas_own_variables_are_filled_in() -> None:
    expr = "x[$__rate_interval] y[$__interval] z[$__range:1m] $__interval_ms"
    assert filled(expr) == "x[120s] y[60s] z[3600s:1m] 60000"
    assert filled(expr, span=timedelta(days=30)) == "x[2610s] y[2580s] z[2592000s:1m] 2580000"


def test_a_variable_is_what_was_chosen_or_everything_and_prometheus_own_are_left() -> None:
    assert filled('{a=~"$a", b=~"$b"} $1', {"a": "shop"}) == '{a=~"shop", b=~".*"} $1'
