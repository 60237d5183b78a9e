"""What tests over every kind of sender need of each: a row a control that events are pushed for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from exporter.app import SOURCES
from exporter.config import Config
from exporter.intake.drill import Marks
from exporter.intake.pipeline import Route

SAMPLES = Path(__file__).parents[1] / "samples"

TEXT = st.text(st.characters(exclude_categories=()), max_size=400)
"""Every code point, lone surrogates and control characters included."""

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["", "<NA>", "pods"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
"""Any JSON value."""

_FALCO_KEYS = ("priority", "source", "hostname", "output", "message", "time", "tags", "Rule", "uuid")
_FALCO_FIELDS = (
    *("k8s.ns.name", "k8s.pod.name", "k8s.rc.name", "k8smeta.deployment.name", "k8smeta.rs.name", "ka.target.name"),
    *("ka.target.namespace", "ka.target.resource", "evt.time", "n_drops", "scap.n_evts"),
)
_FALCO_RULES = VALUES | st.sampled_from(
    ["internal", "Falco internal: syscall event drop", "Falco internal: metrics snapshot"]
)
FALCO_ALERTS = st.builds(
    lambda rule, keys, fields: {**keys, "rule": rule, "output_fields": fields},
    _FALCO_RULES,
    st.dictionaries(st.sampled_from(_FALCO_KEYS), VALUES, max_size=8),
    st.dictionaries(st.sampled_from(_FALCO_FIELDS) | TEXT, VALUES, max_size=6) | VALUES,
)


def _some(**keys: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """An object with some of these keys, or anything in its place."""
    return st.fixed_dictionaries({}, optional=keys) | VALUES


_NUMBERS = st.sampled_from([942100, "942100", 949110, "980170", 1001, 920350, 0, -1, "²"]) | VALUES
_SEVERITIES = st.sampled_from(["2", 2, "critical", "EMERGENCY", 0, -1]) | VALUES
_HEADERS = _some(Host=VALUES, host=VALUES | st.lists(TEXT, max_size=2))
_DETAILS = _some(ruleId=_NUMBERS, severity=_SEVERITIES, data=VALUES, match=VALUES, tags=VALUES)
_DATA = _some(id=_NUMBERS, severity=_SEVERITIES, data=VALUES, msg=VALUES, tags=VALUES)
_MESSAGES = (
    st.lists(
        _some(
            message=VALUES,
            details=_DETAILS,
            data=_DATA,
            error_message=VALUES | st.just('[file "a"] [line "1"] [id "1"]'),
        ),
        max_size=3,
    )
    | VALUES
)
_TRANSACTION = _some(
    time_stamp=VALUES,
    unique_id=VALUES | st.sampled_from(["179531978562.413421", "shop_web_1", "9999999999.1"]),
    id=VALUES,
    unix_timestamp=VALUES | st.just(1795981906348496322),
    is_interrupted=st.booleans() | VALUES,
    client_ip=VALUES,
    server_id=VALUES,
    request=_some(uri=VALUES, method=VALUES, headers=_HEADERS, hostname=VALUES),
    response=_some(http_code=VALUES | st.just(403), status=VALUES | st.just(403)),
    producer=_some(secrules_engine=VALUES | st.just("Enabled"), rule_engine=VALUES | st.just("On")),
    messages=_MESSAGES,
)
_OCSF = st.fixed_dictionaries(
    {"class_uid": st.just(6001) | VALUES},
    optional={
        "action": VALUES | st.sampled_from(["Denied", "Allowed"]),
        "time": VALUES,
        "enrichments": st.lists(_some(data=VALUES | st.just('{"id":942100,"severity":2}')), max_size=3) | VALUES,
        "http_request": _some(uid=VALUES, http_headers=VALUES, url=VALUES, http_method=VALUES),
    },
)
_WRAPPER: dict[str, st.SearchStrategy[object]] = {"log": VALUES, "message": VALUES, "kubernetes": VALUES}
WAF_RECORDS = st.one_of(
    st.fixed_dictionaries({"transaction": _TRANSACTION}, optional={"messages": _MESSAGES, **_WRAPPER}),
    st.fixed_dictionaries({}, optional=_WRAPPER),
    _OCSF,
)


@dataclass(frozen=True)
class Sender:
    """A kind of sender: what it posts where, from what it is known, and bodies as it really sends them.

    `objects` are JSON objects in its shape with anything in every place.
    """

    path: bytes
    objects: st.SearchStrategy[object]
    samples: Sequence[Path]
    hint: str

    def route(self) -> Route:
        """How its bodies are taken by default."""
        make: Callable[[Config, Marks], Route] = next(make for paths, make in SOURCES if self.path.decode() in paths)
        return make(Config(), Marks())


SENDERS = {
    "ids": Sender(
        b"/falco",
        FALCO_ALERTS,
        sorted((SAMPLES / "recorded").glob("falco-0.44.1-syscall-container-*.json")),
        "json_output: true",
    ),
    "waf": Sender(b"/waf", WAF_RECORDS, sorted((SAMPLES / "waf").glob("*/**/*.json")), "SecAuditLogFormat JSON"),
}
