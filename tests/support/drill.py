"""What the events of a drill look like: Falco's alert of the link, a WAF's record of the request."""

import copy
import json
import time
from pathlib import Path
from typing import Any

from exporter.config.credentials import Secret
from exporter.drill import mark

SAMPLES = Path(__file__).parents[1] / "samples"

KEY = b"a key that nobody knows"
RULE = "Create Symlink Over Sensitive Files"
NAMESPACE = "threatboard-drill"

_ALERT = json.loads((SAMPLES / "falco" / "falco-0.44-symlink.json").read_bytes())
_RECORD = json.loads((SAMPLES / "waf" / "modsecurity" / "on_xss_script.json").read_bytes())


def made(control: str = "ids", ago: float = 0.0, key: bytes = KEY) -> str:
    """The mark of an act that was done so many seconds ago: no two acts are of the same millisecond."""
    time.sleep(0.001)
    return mark.make(Secret(key), control, time.time() - ago).text


def drill_alert(text: str | None = None, namespace: str = NAMESPACE, **fields: object) -> dict[str, Any]:
    """Falco's alert of a link with this mark, a valid one by default; `fields` are output_fields, `_` for `.`."""
    alert: dict[str, Any] = copy.deepcopy(_ALERT)
    link = f"/tmp/{made() if text is None else text}"
    changed: dict[str, object] = {"k8s.ns.name": namespace, "evt.arg.linkpath": link}
    changed = changed | {name.replace("_", "."): value for name, value in fields.items()}
    before = _ALERT["output_fields"]["evt.arg.linkpath"]
    alert["output"] = alert["output"].replace(before, link)
    alert["output_fields"] |= changed
    return alert


def drill_record(text: str | None = None, engine: str = "Enabled") -> dict[str, Any]:
    """ModSecurity's record of a request with this mark in its path, a valid one by default."""
    record: dict[str, Any] = copy.deepcopy(_RECORD)
    path = made("waf") if text is None else text
    record["transaction"]["request"]["uri"] = f"/{path}?q=%3Cscript%3Ealert(1)%3C/script%3E"
    record["transaction"]["producer"]["secrules_engine"] = engine
    return record
