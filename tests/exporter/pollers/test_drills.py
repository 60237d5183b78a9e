"""What drills' pods said, and what is none of it."""

import json

import pytest

from exporter.pollers.coverage.drills import MAX_SKEW, Act, newest
from exporter.pollers.coverage.objects import DRILL, Pod, Raw
from tests.support.objects import pod

NOW = 1_764_500_000.0


def ended(
    message: object, *, name: str = "drill-1", namespace: str = "threatboard-drill", node: str = "worker-1"
) -> Pod:
    made = pod(name, namespace, {DRILL: "true"}, phase="Succeeded", node=node)
    text = message if isinstance(message, str) else json.dumps(message)
    made["status"]["containerStatuses"] = [{"state": {"terminated": {"exitCode": 0, "message": text}}}]
    return Pod.read(made)


def act(control: object = "ids", at: object = NOW - 60, stopped: object = None) -> Raw:
    return {"control": control, "at": at, "stopped": stopped}


def test_the_newest_act_of_each_control_on_each_node() -> None:
    pods = [
        ended({"acts": [act(at=NOW - 90), act("network", NOW - 80, True), act("waf", NOW - 70, False)]}),
        ended({"acts": [act(at=NOW - 10)]}, name="drill-2"),
        ended({"acts": [act(at=NOW - 20)]}, name="drill-3"),
        ended({"acts": [act(at=NOW - 30)]}, name="drill-4", node="worker-2"),
    ]
    assert newest(pods, "threatboard-drill", NOW) == [
        Act("ids", "worker-1", NOW - 10, None),
        Act("ids", "worker-2", NOW - 30, None),
        Act("network", "worker-1", NOW - 80, True),
        Act("waf", "worker-1", NOW - 70, False),
    ]


def test_pods_elsewhere_and_pods_that_are_no_drill_say_nothing() -> None:
    good = {"acts": [act()]}
    other = ended(good)._replace(reports=())
    assert newest([ended(good, namespace="shop"), ended(good, node=""), other], "threatboard-drill", NOW) == []
    made = pod("a", "threatboard-drill", phase="Succeeded")
    made["status"]["containerStatuses"] = [{"state": {"terminated": {"message": json.dumps(good)}}}]
    assert Pod.read(made).reports == ()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "killed",
        "[]",
        {"acts": None},
        {"acts": {}},
        {"acts": ["ids"]},
        {"acts": [act("other")]},
        {"acts": [act(["ids"])]},
        {"acts": [act(at="now")]},
        {"acts": [act(at=True)]},
        {"acts": [act(at=-1)]},
        {"acts": [act(at=NOW + MAX_SKEW + 1)]},
        {"acts": [act(stopped="yes")]},
        '{"acts": [{"control": "ids", "at": NaN, "stopped": null}]}',
        '{"acts": [{"control": "ids", "at": 1e999, "stopped": null}]}',
    ],
)
def test_what_is_no_act_is_left_out_and_takes_no_other_along(message: object) -> None:
    pods = [ended(message), ended({"acts": [act()]}, name="drill-2")]
    assert newest(pods, "threatboard-drill", NOW) == [Act("ids", "worker-1", NOW - 60, None)]
