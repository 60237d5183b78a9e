"""The program that `helm test` runs, against real receivers: it finds the alert that it sends, or says why not."""

import ast
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.helm.chart import CHART, one
from tests.support.receiver import ROOT, Receiver, alert, receiver

PROGRAM = CHART / "files/find_alert.py"
TOKEN = "a-token-of-sixteen-characters-at-least"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Receiver]:
    """A receiver whose intake and page ask for tokens."""
    credentials = tmp_path / "credentials"
    for name in ("intake-auth", "metrics-auth"):
        (credentials / name).mkdir(parents=True)
        (credentials / name / "token").write_text(TOKEN + "\n")
    token = {"auth": {"token_file": str(credentials / "intake-auth/token")}}
    with receiver(tmp_path / "run", intake=token, metrics={**token, "protect_metrics": True}) as found:
        yield found


def find(folder: Path, metrics: str, intake: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs the program as the test pod does."""
    given = {
        "INTAKE_URL": intake,
        "METRICS_URL": metrics,
        "INTAKE_TOKEN": "token",
        "METRICS_TOKEN": "token",
        "TIMEOUT": "5",
        "TMPDIR": str(folder),
        "CREDENTIALS": str(folder / "credentials"),
        **environment,
    }
    code = PROGRAM.read_text(encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **given}, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_it_finds_the_alert_with_the_tokens_that_are_mounted(running: Receiver, tmp_path: Path) -> None:
    urls = (f"http://localhost:{running.show}", f"http://localhost:{running.intake}/falco")
    for _ in range(2):  # the second time the counter is not new, and must still move
        done = find(tmp_path, *urls, NAMESPACE="shop")
        assert done.returncode == 0, done.stderr
        assert "has counted the test alert" in done.stdout
    page = running.get("/metrics", {"Authorization": f"Bearer {TOKEN}"})[2].decode()
    assert 'k8s_ns_name="shop"' in page
    assert TOKEN not in done.stdout + done.stderr


def test_it_fails_when_the_alert_arrives_elsewhere(running: Receiver, tmp_path: Path) -> None:
    """As it would with a Service that selects other pods; alerts of other rules do not count."""
    with receiver(tmp_path / "other") as other:
        over = threading.Event()

        def traffic() -> None:
            while not over.wait(0.05):
                other.post(alert())

        meanwhile = threading.Thread(target=traffic)
        meanwhile.start()
        urls = (f"http://localhost:{other.show}", f"http://localhost:{running.intake}/falco")
        done = find(tmp_path, *urls, TIMEOUT="1.5")
        over.set()
        meanwhile.join()
        assert other.value("threat_falco_alerts_total", rule="Terminal shell in container") > 1
    assert done.returncode == 1
    assert "None of 127.0.0.1" in done.stderr


def test_it_fails_when_the_intake_refuses(running: Receiver, tmp_path: Path) -> None:
    done = find(
        tmp_path,
        f"http://localhost:{running.show}",
        f"http://localhost:{running.intake}/falco",
        INTAKE_TOKEN="other",
    )
    assert done.returncode == 1
    assert "answered 401" in done.stderr


def test_it_speaks_tls_and_shows_its_own_certificate(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    for name in ("intake-tls", "metrics-tls", "client-tls"):
        (credentials / name).mkdir(parents=True)
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    issued.private_key_pem.write_to_path(key)
    for number, part in enumerate(issued.cert_chain_pems):
        part.write_to_path(certificate, append=number > 0)
    for name in ("intake-tls/ca.crt", "metrics-tls/ca.crt"):
        authority.cert_pem.write_to_path(credentials / name)
    (credentials / "client-tls/tls.crt").write_bytes(certificate.read_bytes())
    (credentials / "client-tls/tls.key").write_bytes(key.read_bytes())
    tls = {"cert_file": str(certificate), "key_file": str(key)}
    mutual = {**tls, "client_ca_file": str(credentials / "intake-tls/ca.crt")}
    with receiver(tmp_path / "run", intake={"tls": mutual}, metrics={"tls": tls}) as running:
        done = find(tmp_path, f"https://localhost:{running.show}", f"https://localhost:{running.intake}/falco")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "client.pem").stat().st_mode & 0o077 == 0


def test_the_pod_runs_this_program_unchanged() -> None:
    pod = one({}, "Pod")["spec"]["containers"][0]
    assert pod["command"] == ["python3", "-c", PROGRAM.read_text(encoding="utf-8")]
    # Kubernetes would put the value of a variable in place of $(NAME).
    assert "$(" not in pod["command"][2]


def test_the_pod_gives_the_program_every_variable_that_it_reads() -> None:
    read = {
        node.args[0].value
        for node in ast.walk(ast.parse(PROGRAM.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "os.environ.get"
        and isinstance(node.args[0], ast.Constant)
    } | {"INTAKE_URL", "METRICS_URL"}
    given = {variable["name"] for variable in one({}, "Pod")["spec"]["containers"][0]["env"]}
    assert read - given == {"CREDENTIALS"}


def test_the_pod_reads_no_private_key_but_its_own() -> None:
    values = {
        "intake": {"tls": {"enabled": True, "existingSecret": "i", "mutual": True}, "auth": {"existingSecret": "t"}},
        "metrics": {"tls": {"enabled": True, "existingSecret": "m"}, "auth": {"existingSecret": "t"}},
        "test": {"clientCertSecret": "c"},
    }
    volumes = {volume["name"]: volume for volume in one(values, "Pod")["spec"]["volumes"] if "secret" in volume}
    assert volumes.keys() == {"intake-tls", "intake-auth", "metrics-tls", "metrics-auth", "client-tls"}
    for name in ("intake-tls", "metrics-tls"):
        assert volumes[name]["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def test_the_test_leaves_nothing_behind_when_it_passed() -> None:
    annotations = one({}, "Pod")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "test"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
