"""A real `threatboard drill` attacks a real nginx with ModSecurity: it is stopped, and is a drill and no attack."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.servers import wait_for
from tests.support.drill import KEY
from tests.support.receiver import ROOT, receiver
from tests.waf.counting import CONFIG, LAST, PATIENCE, WAF, attack, counted, events, wait_for_events
from tests.waf.nginx import Nginx, audit_url

Tool = Callable[[str], Path]


@pytest.mark.parametrize(
    ("engine", "blocking", "stopped", "proven"),
    [("On", True, True, 1), ("DetectionOnly", True, False, 0), ("DetectionOnly", False, False, 1)],
)
def test_the_drill_is_stopped_where_the_firewall_blocks(
    tool: Tool, tmp_path: Path, engine: str, blocking: bool, stopped: bool, proven: int
) -> None:
    key, report = tmp_path / "drill.key", tmp_path / "report"
    key.write_bytes(KEY)
    waf = {**WAF, "blocking": blocking}
    config = {**CONFIG, "waf": waf, "drill": {"key_file": str(key)}}
    with (
        receiver(tmp_path / "exporter", **config) as exporter,
        Nginx(tool("nginx"), tmp_path / "nginx", audit_url(f"http://127.0.0.1:{exporter.intake}/waf"), engine) as nginx,
    ):
        acting = tmp_path / "drill.yaml"
        acting.write_text(
            json.dumps({"waf": {"blocking": blocking}, "drill": {"key_file": str(key), "waf_url": nginx.url + "/shop"}})
        )
        command = [sys.executable, "-m", "exporter", "drill", "--config", str(acting), "--control", "waf"]
        done = subprocess.run([*command, "--report", str(report)], cwd=ROOT, check=False, timeout=PATIENCE)
        assert done.returncode == (0 if stopped or not blocking else 1)
        [act] = json.loads(report.read_bytes())["acts"]
        assert (act["control"], act["stopped"]) == ("waf", stopped)

        assert wait_for(lambda: exporter.value("threat_waf_suppressed_total", reason="drill") == 1, PATIENCE)
        assert exporter.value("threat_drill_seconds_count", control="waf") == proven
        assert exporter.value("threat_drill_last_success_timestamp_seconds", control="waf") >= proven * int(act["at"])
        # What comes after it without a mark is an event as ever, and the only one.
        attack(nginx.port, [LAST], 403 if engine == "On" else 200)
        wait_for_events(exporter, 1)
        assert counted(exporter) == events("modsecurity", "blocked" if engine == "On" else "detected", [LAST])
