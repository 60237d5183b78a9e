"""A real receiver takes the events of drills for drills, and nothing else for one."""

import gzip
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from exporter.config.credentials import Secret
from exporter.drill.mark import VALID, make
from tests.support.drill import KEY, RULE, SAMPLES, drill_alert, drill_record, made
from tests.support.receiver import PATIENCE, Receiver, alert, receiver

OTHER_KEY = b"a key that is another one"
SUPPRESS = {"match": {"rule": RULE}, "action": "suppress", "reason": "ours"}
RAISE = {"match": {"rule": RULE}, "action": "set_priority", "priority": "critical", "reason": "ours"}

Start = Callable[..., AbstractContextManager[Receiver]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a receiver that has the key, with these further sections."""
    key = tmp_path / "drill.key"
    key.write_bytes(KEY + b"\n")
    return lambda **sections: receiver(tmp_path, **{"drill": {"key_file": str(key)}, **sections})


@pytest.fixture
def running(start: Start) -> Iterator[Receiver]:
    with start(events={"log": False}) as subject:
        yield subject


def drills(subject: Receiver, control: str = "ids") -> tuple[float, float, float]:
    """How many events were suppressed as drills, how many proved their control, and how many counted as attacks."""
    suppressed = "threat_falco_suppressed_total" if control == "ids" else "threat_waf_suppressed_total"
    counted = "threat_falco_alerts_total" if control == "ids" else "threat_waf_events_total"
    return (
        subject.value(suppressed, reason="drill"),
        subject.value("threat_drill_seconds_count", control=control),
        subject.value(counted),
    )


def lines(subject: Receiver) -> list[dict[str, Any]]:
    """The lines of the events, the newest first."""
    found: list[dict[str, Any]] = json.loads(subject.get("/api/v1/events")[2])["events"]
    return found


def last_success(subject: Receiver, control: str, hostname: str) -> float:
    return subject.value("threat_drill_last_success_timestamp_seconds", control=control, hostname=hostname)


# What is a drill -----------------------------------------------------------------------------------------------


def test_falcos_alert_of_a_drill_is_suppressed_and_counted_as_proof(running: Receiver) -> None:
    began = time.time()
    assert running.post(drill_alert(made(ago=40.0))) == (204, None)
    assert drills(running) == (1, 1, 0)
    assert running.value("threat_falco_suppressed_total", rule=RULE, reason="drill") == 1
    assert int(began) <= last_success(running, "ids", "node-1") <= time.time()
    assert 40.0 <= running.value("threat_drill_seconds_sum", control="ids") < 40.0 + PATIENCE
    assert running.value("threat_events_accepted_total", control="ids") == 1
    assert running.value("threat_last_event_timestamp_seconds", control="ids") >= int(began)
    [line] = lines(running)
    assert (line["suppressed"], line["drill"], line["namespace"]) == ("drill", "proven", "threatboard-drill")
    page = running.get("/")[2].decode()
    assert re.search(r"<dt>Last drill</dt><dd><span><strong>\d+ s ago</strong>", page)


@pytest.mark.parametrize(
    ("engine", "blocking", "told"),
    [
        ("Enabled", True, "proven"),
        ("Enabled", False, "proven"),
        ("DetectionOnly", False, "proven"),
        ("DetectionOnly", True, "let through"),
    ],
)
def test_a_wafs_record_of_a_drill_proves_what_the_waf_is_expected_to_do(
    start: Start, engine: str, blocking: bool, told: str
) -> None:
    with start(waf={"blocking": blocking}) as running:
        assert running.post(drill_record(made("waf", ago=2.0), engine), "/waf") == (204, None)
        proven = told == "proven"
        assert drills(running, "waf") == (1, proven, 0)
        assert (last_success(running, "waf", "") > 0) is proven
        assert running.value("threat_waf_records_total") == 1
        [line] = lines(running)
        assert (line["suppressed"], line["drill"]) == ("drill", told)


@pytest.mark.parametrize("sample", ["3.8.1-on", "3.8.1-on-k", "3.8.1-on-ocsf"])
@pytest.mark.parametrize("shipped", [False, True])
def test_corazas_records_are_read_too_and_as_shippers_wrap_them(running: Receiver, sample: str, shipped: bool) -> None:
    text = (SAMPLES / "waf" / "coraza" / sample / "lfi.json").read_text()
    text = text.replace("/download?", f"/shop/{made('waf')}?")
    kubernetes = {"host": "node-7", "namespace_name": "ingress", "pod_name": "proxy-0"}
    body = {"log": text, "kubernetes": kubernetes} if shipped else json.loads(text)
    assert running.post(body, "/waf") == (204, None)
    assert drills(running, "waf") == (1, 1, 0)
    assert last_success(running, "waf", "node-7" if shipped else "") > 0


@pytest.mark.parametrize("entry", [SUPPRESS, RAISE])
def test_tuning_does_not_undo_a_drill(start: Start, entry: dict[str, Any]) -> None:
    with start(falco={"tuning": [entry]}) as running:
        assert running.post(drill_alert()) == (204, None)
        assert drills(running) == (1, 1, 0)


def test_in_a_batch_each_event_is_ruled_on_by_itself(running: Receiver) -> None:
    batch = [alert(), drill_alert(), alert(), drill_alert("x"), drill_alert(), *[alert()] * 5]
    assert running.post(batch) == (204, None)
    assert drills(running) == (2, 2, 8)
    packed = gzip.compress(b"\n".join(json.dumps(one).encode() for one in [drill_record(), drill_record("x")]))
    assert running.post(packed, "/waf", {"Content-Encoding": "gzip"}) == (204, None)
    assert drills(running, "waf") == (1, 1, 1)


@pytest.mark.parametrize("together", [True, False])
def test_what_is_ruled_of_one_alert_holds_for_no_other(running: Receiver, together: bool) -> None:
    """But for the link and the time they are of one kind, and alerts of a kind are ruled on once."""
    alerts = [drill_alert("x"), *[drill_alert() for _ in range(3)], drill_alert("x"), drill_alert(made("waf"))]
    for body in [alerts * 2] if together else alerts * 2:
        assert running.post(body) == (204, None)
    assert drills(running) == (6, 3, 6)


def test_the_clock_of_the_act_may_be_a_little_ahead(running: Receiver) -> None:
    assert running.post(drill_alert(made(ago=-30.0))) == (204, None)
    assert drills(running) == (1, 1, 0)
    assert running.value("threat_drill_seconds_sum", control="ids") == 0


def test_fields_that_a_shipper_spelt_in_another_way_are_read(running: Receiver) -> None:
    nested = drill_alert()
    nested["output_fields"] = json.dumps(nested["output_fields"])
    spelt = drill_alert()
    spelt["output_fields"] = {name.replace(".", "_"): value for name, value in spelt["output_fields"].items()}
    assert running.post([nested, spelt]) == (204, None)
    assert drills(running) == (2, 2, 0)


# What is none --------------------------------------------------------------------------------------------------

NOT_DRILLS: dict[str, Callable[[], dict[str, Any]]] = {
    "no namespace": lambda: drill_alert(namespace=""),
    "another namespace": lambda: drill_alert(namespace="shop"),
    "a namespace that begins alike": lambda: drill_alert(namespace="threatboard-drill-2"),
    "another control": lambda: drill_alert(made("waf")),
    "expired": lambda: drill_alert(made(ago=VALID + 1)),
    "from the future": lambda: drill_alert(made(ago=-90.0)),
    "another key": lambda: drill_alert(made(key=OTHER_KEY)),
    "no signature": lambda: drill_alert(made().rpartition("-")[0]),
    "a shorter signature": lambda: drill_alert(made()[:-1]),
    "something behind it": lambda: drill_alert(made() + "/x"),
    "something before it": lambda: drill_alert("x" + made()),
    "no mark": lambda: drill_alert("shadow"),
    "in the target": lambda: drill_alert("x", evt_arg_target=f"/tmp/{made()}"),
    "in the command line": lambda: drill_alert("x", proc_cmdline=made(), proc_name=made()),
    "in the output": lambda: drill_alert("x") | {"output": f"linkpath=/tmp/{made()}"},
    "beside the fields": lambda: drill_alert("x") | {"evt.arg.linkpath": f"/tmp/{made()}"},
}


@pytest.mark.parametrize("name", NOT_DRILLS)
def test_what_is_no_drill_of_falcos_is_an_alert(running: Receiver, name: str) -> None:
    attempt = NOT_DRILLS[name]()
    assert running.post(attempt) == (204, None)
    assert running.post([attempt, alert(), attempt]) == (204, None)
    assert drills(running) == (0, 0, 4)
    assert last_success(running, "ids", "node-1") == 0
    assert all("suppressed" not in line for line in lines(running))


def in_query(text: str) -> dict[str, Any]:
    record = drill_record("search")
    record["transaction"]["request"]["uri"] += f"&page=/{text}"
    return record


def in_header(text: str) -> dict[str, Any]:
    record = drill_record("search")
    record["transaction"]["request"]["headers"] |= {"Referer": f"/{text}", "Host": text, "X-Original-URL": f"/{text}"}
    return record


NO_REQUESTS = {
    "another control": lambda: drill_record(made("ids")),
    "expired": lambda: drill_record(made("waf", ago=VALID + 1)),
    "another key": lambda: drill_record(made("waf", key=OTHER_KEY)),
    "a page below": lambda: drill_record(made("waf") + "/login"),
    "in the query": lambda: in_query(made("waf")),
    "in a header": lambda: in_header(made("waf")),
}


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_drill_of_the_waf_is_an_event(running: Receiver, name: str) -> None:
    assert running.post(NO_REQUESTS[name](), "/waf") == (204, None)
    assert drills(running, "waf") == (0, 0, 1)
    assert last_success(running, "waf", "") == 0


def test_without_a_key_a_drill_is_an_attack_like_any_other(start: Start) -> None:
    with start(drill={}) as running:
        assert running.post(drill_alert()) == (204, None)
        assert b"Last drill" not in running.get("/")[2]
        assert running.post(drill_record(), "/waf") == (204, None)
        assert drills(running) == (0, 0, 1)
        assert drills(running, "waf") == (0, 0, 1)


# A mark that comes again ---------------------------------------------------------------------------------------


def test_the_same_event_sent_again_is_no_alert_and_no_further_proof(running: Receiver) -> None:
    sent = drill_alert()
    assert running.post(sent) == (204, None)
    first = last_success(running, "ids", "node-1")
    time.sleep(1.1)
    assert running.post([sent, sent]) == (204, None)
    assert drills(running) == (3, 1, 0)
    assert last_success(running, "ids", "node-1") == first
    assert [line["drill"] for line in lines(running)] == ["sent again", "sent again", "proven"]


REPLAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "at another time": lambda text: drill_alert(text) | {"time": "2030-01-02T03:04:06.678901234Z"},
    "by another rule": lambda text: drill_alert(text) | {"rule": "Read sensitive file untrusted"},
    "from another pod": lambda text: drill_alert(text, k8s_pod_name="intruder"),
    "by another command": lambda text: drill_alert(text, proc_cmdline="ln -s /etc/shadow"),
    "at another target": lambda text: drill_alert(text) | {"output": "target=/etc/sudoers"},
}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_mark_that_was_used_hides_nothing_else(running: Receiver, name: str) -> None:
    text = made()
    assert running.post([drill_alert(text), REPLAYS[name](text), REPLAYS[name](text)]) == (204, None)
    assert running.post(REPLAYS[name](text)) == (204, None)
    assert drills(running) == (1, 1, 3)


def test_two_nodes_may_act_in_the_same_millisecond(running: Receiver) -> None:
    text = made()
    assert running.post([drill_alert(text), drill_alert(text) | {"hostname": "node-2"}]) == (204, None)
    assert drills(running) == (2, 2, 0)
    assert min(last_success(running, "ids", f"node-{number}") for number in (1, 2)) > 0


def test_a_request_with_a_used_mark_is_an_event(running: Receiver) -> None:
    text = made("waf")
    again = drill_record(text)
    again["transaction"]["request"]["uri"] = f"/item/{text}?id=1%27%20OR%20%271%27=%271"
    assert running.post([drill_record(text), drill_record(text), again, again], "/waf") == (204, None)
    assert drills(running, "waf") == (2, 1, 2)


def test_ten_thousand_forged_marks_are_ten_thousand_alerts(running: Receiver) -> None:
    forged = [drill_alert(make(Secret(OTHER_KEY), "ids", time.time() - number / 100).text) for number in range(10_000)]
    for at in range(0, len(forged), 500):
        assert running.post(forged[at : at + 500]) == (204, None)
    assert running.post(drill_alert()) == (204, None)
    assert drills(running) == (1, 1, 10_000)


# Changes and crashes -------------------------------------------------------------------------------------------


def reload(subject: Receiver) -> None:
    before = subject.log.read_text().count("taken into use")
    subject.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while subject.log.read_text().count("taken into use") == before:
        assert time.monotonic() < deadline, subject.log.read_text()
        time.sleep(0.02)


def test_another_key_is_taken_into_use_and_used_marks_stay_used(start: Start, tmp_path: Path) -> None:
    with start() as running:
        text, newer = made(), made(key=OTHER_KEY)
        assert running.post([drill_alert(text), drill_alert(newer)]) == (204, None)
        assert drills(running) == (1, 1, 1)
        (tmp_path / "drill.key").write_bytes(OTHER_KEY)
        reload(running)
        assert running.post([drill_alert(newer), drill_alert()]) == (204, None)
        assert drills(running) == (2, 2, 2)
        (tmp_path / "drill.key").write_bytes(KEY)
        reload(running)
        assert running.post(REPLAYS["by another command"](text)) == (204, None)
        assert drills(running) == (2, 2, 3)
        for secret in (KEY, OTHER_KEY):
            assert secret.decode() not in running.log.read_text()


def test_the_drill_is_switched_on_and_off_while_running(start: Start) -> None:
    with start() as running:
        config = json.loads(running.config.read_text())
        running.config.write_text(json.dumps(config | {"drill": {}}))
        reload(running)
        assert running.post([drill_alert(), alert()]) == (204, None)
        assert drills(running) == (0, 0, 2)
        running.config.write_text(json.dumps(config))
        reload(running)
        assert running.post(drill_alert()) == (204, None)
        assert drills(running) == (1, 1, 2)


def test_when_a_control_was_proven_is_known_after_a_kill(start: Start, tmp_path: Path) -> None:
    series = {"state_dir": str(tmp_path / "state")}
    with start(series=series) as running:
        assert running.post(drill_alert()) == (204, None)
        assert running.post(drill_record(), "/waf") == (204, None)
        proven = [last_success(running, "ids", "node-1"), last_success(running, "waf", "")]
        running.process.kill()
    with start(series=series) as running:
        assert [last_success(running, "ids", "node-1"), last_success(running, "waf", "")] == proven
        assert min(proven) > 0
