"""What each known sender of Falco alerts becomes: labels, times, and Falco's own messages apart."""

import json
from pathlib import Path

import pytest

from exporter.catalog import MAX_DEPTH, MAX_LABEL_BYTES, METRICS, PRIORITIES, REJECT_REASONS
from exporter.sources import Rejected
from exporter.sources.falco import FALCO, FalcoEvent, parse
from exporter.sources.falco_events import DropMessage, FalcoAlert, Fields, InternalMessage, MetricsSnapshot

SAMPLES = Path(__file__).parents[2] / "samples" / "falco"
NOW = 1893553445.678901

ALERTS = {
    "falco-0.20": ("Write below etc", "error", "syscall", "", "", "", "", ""),
    "falco-0.33": (
        "Contact K8S API Server From Container",
        "notice",
        "syscall",
        "discovery",
        "falco-x7k2p",
        "",
        "",
        "",
    ),
    "falco-0.38": (
        "Drop and execute new binary in container",
        "critical",
        "syscall",
        "persistence",
        "node-2",
        "cache",
        "redis-cache-0",
        "redis-cache",
    ),
    "falco-0.44": (
        "Terminal shell in container",
        "notice",
        "syscall",
        "execution",
        "node-1",
        "shop",
        "web-5d78c9869d-8xv4q",
        "web",
    ),
    "falco-0.44-host": (
        "Read sensitive file untrusted",
        "warning",
        "syscall",
        "credential_access",
        "node-1",
        "",
        "",
        "",
    ),
    "falco-0.44-symlink": (
        "Create Symlink Over Sensitive Files",
        "warning",
        "syscall",
        "credential_access",
        "node-1",
        "threatboard-drill",
        "threatboard-drill-29458080-x7k2p",
        "threatboard-drill",
    ),
    "falco-0.44-properties-off": ("Clear Log Activities", "warning", "syscall", "", "node-1", "", "", ""),
    "falco-0.44-k8smeta": (
        "Terminal shell in container",
        "notice",
        "syscall",
        "execution",
        "node-1",
        "shop",
        "web-5d78c9869d-8xv4q",
        "storefront",
    ),
    "falco-0.44-k8smeta-replicaset": (
        "Terminal shell in container",
        "notice",
        "syscall",
        "execution",
        "node-1",
        "shop",
        "oddly-named",
        "web",
    ),
    "falco-0.28-replicationcontroller": (
        "Terminal shell in container",
        "notice",
        "syscall",
        "execution",
        "node-1",
        "shop",
        "legacy-abcde",
        "legacy",
    ),
    "falcosidekick": (
        "Launch Privileged Container",
        "informational",
        "syscall",
        "privilege_escalation",
        "node-1",
        "kube-system",
        "kube-proxy-x7k2p",
        "kube-proxy",
    ),
    "falcosidekick-null-fields": (
        "Launch Privileged Container",
        "informational",
        "syscall",
        "privilege_escalation",
        "node-1",
        "",
        "",
        "",
    ),
    "k8s_audit-exec": (
        "Attach/Exec Pod",
        "notice",
        "k8s_audit",
        "",
        "falco-k8saudit-0",
        "shop",
        "web-5d78c9869d-8xv4q",
        "web",
    ),
    "k8s_audit-configmap": (
        "Create/Modify Configmap With Private Credentials",
        "notice",
        "k8s_audit",
        "",
        "falco-k8saudit-0",
        "shop",
        "",
        "",
    ),
    "k8s_audit-deployment": (
        "K8s Deployment Created",
        "notice",
        "k8s_audit",
        "",
        "falco-k8saudit-0",
        "shop",
        "",
        "web",
    ),
    "k8s_audit-target-pod": ("Attach/Exec Pod", "notice", "k8s_audit", "", "falco-k8saudit-0", "shop", "web-0", "web"),
    "k8s_audit-cluster-role": ("K8s ClusterRole Created", "notice", "k8s_audit", "", "falco-k8saudit-0", "", "", ""),
    "k8s_audit-0.29": ("Create Privileged Pod", "warning", "syscall", "", "", "shop", "web-0", "web"),
    "aws_cloudtrail": ("Console Login Without MFA", "critical", "aws_cloudtrail", "", "falco-cloud-0", "", "", ""),
    "gcp_auditlog": (
        "GCP Firewall Rule Deleted",
        "warning",
        "gcp_auditlog",
        "defense_evasion",
        "falco-cloud-0",
        "",
        "",
        "",
    ),
    "okta": ("User accessing app via single sign on", "notice", "okta", "reconnaissance", "falco-cloud-0", "", "", ""),
    "github": ("Private Repository Becoming Public", "critical", "github", "impact", "falco-cloud-0", "", "", ""),
    "hand-written": ("Suspicious login", "warning", "syscall", "execution", "", "", "", ""),
    "only-rule": ("Something happened", "unknown", "syscall", "", "", "", "", ""),
    "message-only": ("Quiet", "debug", "syscall", "", "", "", "", ""),
    "odd-types": (
        "17",
        "unknown",
        "syscall",
        "command_and_control",
        "node-1,node-2",
        "5",
        '{"name": "web"}',
        '{"name": "web"}',
    ),
}

MESSAGES: dict[str, FalcoEvent] = {
    "internal-drop-0.27": DropMessage("", NOW, 7),
    "internal-drop-0.44": DropMessage("node-1", NOW, 7),
    "internal-snapshot": MetricsSnapshot("node-1", NOW, "syscall", 9876543210, 42),
    "internal-unknown": InternalMessage("node-1", NOW, "Falco internal: something new", "Something new"),
    "falcosidekick-test": InternalMessage(
        "falcosidekick", 1893553445, "Test rule", "This is a test from falcosidekick"
    ),
}

REJECTED = {
    "blank.txt": ("empty", "there is no event in the body"),
    "empty.txt": ("empty", "there is no event in the body"),
    "plain-text.txt": ("not_json", "json_output: true"),
    "html.txt": ("not_json", "json_output: true"),
    "truncated.json": ("not_json", "ends in the middle"),
    "unquoted.json": ("not_json", "at character 2"),
    "deep-200.json": ("too_deep", f"more than {MAX_DEPTH} levels"),
    "deep-2000.json": ("too_deep", f"more than {MAX_DEPTH} levels"),
    "no-rule.json": ("no_rule", "`rule`"),
    "not-an-alert.json": ("not_an_alert", "not a Falco alert"),
    "scalar.json": ("not_an_alert", "must be a JSON object"),
}


def event(**keys: object) -> FalcoEvent | Rejected:
    [found] = parse(json.dumps({"rule": "R", **keys}).encode(), 10)
    return found


def alert(**keys: object) -> FalcoAlert:
    found = event(**keys)
    assert isinstance(found, FalcoAlert)
    return found


def test_an_alert_begins_with_the_labels_of_its_counter() -> None:
    labels = METRICS["threat_falco_alerts_total"].labels

    assert FalcoAlert._fields[: len(labels)] == labels


def test_every_sample_is_expected() -> None:
    """Guards the tables of this file: a sample without a row would prove nothing."""
    assert {path.stem for path in SAMPLES.glob("*.json")} == {*ALERTS, *MESSAGES}
    assert {path.name for path in (SAMPLES / "bad").iterdir()} == {*REJECTED}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_of_any_sender_becomes_labels(name: str) -> None:
    [found] = parse((SAMPLES / f"{name}.json").read_bytes(), 10)

    assert isinstance(found, FalcoAlert)
    assert ALERTS[name] == found[:8]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_falco_says_about_itself_is_no_alert(name: str) -> None:
    assert [MESSAGES[name]] == parse((SAMPLES / f"{name}.json").read_bytes(), 10)


@pytest.mark.parametrize("name", REJECTED)
def test_what_cannot_be_used_is_one_rejection_that_helps(name: str) -> None:
    [found] = parse((SAMPLES / "bad" / name).read_bytes(), 10)

    assert isinstance(found, Rejected)
    assert REJECTED[name][0] == found.reason
    assert found.reason in REJECT_REASONS
    assert REJECTED[name][1] in found.message


@pytest.mark.parametrize("path", sorted((SAMPLES / "bodies").iterdir()), ids=lambda path: path.name)
def test_a_body_of_two_alerts_in_any_arrangement_is_two_alerts(path: Path) -> None:
    found = parse(path.read_bytes(), 10)

    assert [alert.rule for alert in found if isinstance(alert, FalcoAlert)] == ["a", "b"]
    assert len(found) == 2


def test_falco_is_a_source_of_the_control_ids() -> None:
    assert FALCO.control == "ids"
    assert [
        Rejected("not_an_alert", "an event must be a JSON object, as Falco sends it with json_output: true")
    ] == list(FALCO.parse(b"7", 1))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        *((name.title(), name) for name in PRIORITIES),
        *((name.upper(), name) for name in PRIORITIES),
        *((name, name) for name in PRIORITIES),
        ("Info", "informational"),
        ("INFO", "informational"),
        (" Warning ", "warning"),
        ("fatal", "unknown"),
        ("", "unknown"),
        (4, "unknown"),
        (None, "unknown"),
        (["Critical", "Error"], "unknown"),
    ],
)
def test_a_priority_in_any_case_is_one_of_the_catalog(sent: object, expected: str) -> None:
    assert alert(priority=sent).priority == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("", "syscall"), (None, "syscall"), ("syscalls", "syscall"), ("SYSCALL", "syscall"), ("my_plugin", "my_plugin")],
)
def test_a_missing_or_respelt_source_is_syscall(sent: object, expected: str) -> None:
    assert alert(source=sent).source == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"time": "2030-01-02T03:04:05.678901234Z"}, 1893553445.678901),
        ({"time": "2030-01-02T03:04:05.67Z"}, 1893553445.67),
        ({"time": "2030-01-02T03:04:05Z"}, 1893553445.0),
        ({"time": "2030-01-02T05:04:05+02:00"}, 1893553445.0),
        ({"time": "2030-01-02T03:04:05.678901234+0000"}, 1893553445.678901),
        ({"time": "2030-01-02T03:04:05"}, 1893553445.0),
        ({"time": "2030-01-02T03:04:46Z+2"}, None),
        ({"time": "2030-01-02T03:04:46Z+2", "output_fields": {"evt.time": 1893553445500000000}}, 1893553445.5),
        ({"time": "0001-01-01T00:00:00Z"}, None),
        ({"time": "2030-02-30T00:00:00Z"}, None),
        ({"time": "2030-01-02"}, None),
        ({"time": 1893553445}, None),
        ({}, None),
        ({"output_fields": {"evt.time": 1893553445500000000}}, 1893553445.5),
        ({"output_fields": {"evt.time.iso8601": 1893553445500000000}}, 1893553445.5),
        ({"output_fields": {"evt.time": "1893553445500000000"}}, 1893553445.5),
        ({"output_fields": {"evt.time": "03:04:05.5", "evt.rawtime": 1893553445500000000}}, 1893553445.5),
        ({"output_fields": {"evt.time": 1893553445}}, None),
        ({"output_fields": {"evt.time": -1893553445500000000}}, None),
        ({"output_fields": {"evt.time": True}}, None),
    ],
)
def test_an_alerts_time_is_read_wherever_it_is_and_never_guessed(
    keys: dict[str, object], expected: float | None
) -> None:
    assert alert(**keys).time == (expected if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("7", 7),
        (7, 7),
        (7.0, 7),
        ("0", 0),
        (2**64 - 1, 2**64 - 1),
        ("-7", None),
        (-7, None),
        ("7.5", None),
        ("", None),
        ("٧", None),
        ("9" * 5000, None),
        (1e300, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([7], None),
    ],
)
def test_drops_are_counted_from_numbers_and_digits_only(sent: object, expected: int | None) -> None:
    found = event(rule="Falco internal: syscall event drop", output_fields={"n_drops": sent})

    assert found == DropMessage("", None, expected)


def test_a_snapshot_without_numbers_is_still_a_sign_of_life() -> None:
    assert event(rule="Falco internal: metrics snapshot") == MetricsSnapshot("", None, "syscall", None, None)


@pytest.mark.parametrize(
    ("sent", "source"),
    [
        ("k8s_audit", "k8s_audit"),
        ("syscall", "syscall"),
        ("SYSCALL", "syscall"),
        ("syscalls", "syscall"),
        ("", "syscall"),
        (None, "syscall"),
        ("own-plugin", "own-plugin"),
    ],
)
def test_a_snapshot_belongs_to_its_event_source(sent: object, source: str) -> None:
    found = event(rule="Falco internal: metrics snapshot", source="internal", output_fields={"evt.source": sent})

    assert found == MetricsSnapshot("", None, source, None, None)


@pytest.mark.parametrize(
    ("events", "drops", "said"),
    [
        (7, 0, "7 seen, 0 lost"),
        (7, None, "7 seen"),
        (None, 2, "2 lost"),
        (None, None, "no count of events"),
    ],
)
def test_what_a_snapshot_does_not_tell_is_not_in_its_sentence(events: int | None, drops: int | None, said: str) -> None:
    snapshot = MetricsSnapshot("node-1", None, "k8s_audit", events, drops)

    assert snapshot.describe()["output"] == f"Falco's metrics snapshot of k8s_audit: {said}"


@pytest.mark.parametrize("nothing", [None, "", "<NA>"])
def test_a_namespace_that_says_nothing_gives_way_to_the_next_field(nothing: object) -> None:
    found = alert(
        output_fields={
            "k8s.ns.name": nothing,
            "k8smeta.ns.name": nothing,
            "ka.target.namespace": "shop",
            "k8s.pod.name": nothing,
            "k8smeta.pod.name": "web-0",
        }
    )

    assert (found.k8s_ns_name, found.k8s_pod_name, found.workload) == ("shop", "web-0", "web")


@pytest.mark.parametrize(
    ("sent", "known"),
    [("Node-1", "node-1"), ("NODE-1.Example.COM", "node-1.example.com"), ("<NA>", ""), (None, "")],
)
def test_a_node_is_known_in_lower_case_as_kubernetes_names_it(sent: str | None, known: str) -> None:
    assert alert(hostname=sent).hostname == known


def test_a_node_whose_name_is_longer_in_lower_case_is_cut_all_the_same() -> None:
    assert len(alert(hostname="İ" * (MAX_LABEL_BYTES // 2)).hostname.encode()) <= MAX_LABEL_BYTES


def test_a_static_pods_workload_is_its_name_without_the_node() -> None:
    found = alert(hostname="control-plane-1", output_fields={"k8s.pod.name": "kube-apiserver-control-plane-1"})

    assert found.workload == "kube-apiserver"


def test_a_rule_name_that_is_no_text_is_missing() -> None:
    for rule in ("", "  ", None, "<NA>", {"name": "x"}, ["x"], "\n"):
        found = event(rule=rule, priority="Error")

        assert isinstance(found, Rejected)
        assert found.reason == "no_rule"


def test_the_output_is_kept_long_and_the_message_stands_in_for_it() -> None:
    assert alert(output="x" * 4000).output == "x" * 4000
    assert len(alert(output="x" * 5000).output.encode()) == 4096
    assert alert(message="short").output == "short"


def test_fields_are_read_as_clean_text_and_tell_absence_from_emptiness() -> None:
    fields = alert(
        output_fields={"user.uid": 0, "a": None, "proc.aname[2]": "sh\x00", "l": ["x", 2], "cmd": "y" * 5000}
    ).fields

    assert isinstance(fields, Fields)
    assert [fields.text(name) for name in ("user.uid", "a", "proc.aname[2]", "l", "missing")] == [
        "0",
        "",
        "sh ",
        "x,2",
        "",
    ]
    assert len(fields.text("cmd").encode()) == 4096
    assert "a" in fields
    assert "missing" not in fields


def test_more_events_than_allowed_refuse_the_whole_body() -> None:
    body = b'{"rule":"a"}\n' * 4

    assert len(parse(body, 4)) == 4
    [found] = parse(body, 3)
    assert isinstance(found, Rejected)
    assert found.reason == "too_many_events"
