"""The command line: what it prints, and its exit codes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from exporter import __version__, send_test
from exporter.__main__ import main
from tests.support.receiver import PATIENCE, ROOT, Receiver, alert, receiver

SECRET = "hunter2secret"


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Runs `threatboard` as a person does."""
    command = [sys.executable, "-m", "exporter", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


def fails_to_start(folder: Path, configuration: str) -> str:
    """What `receive` says when it cannot start with this; no traceback, and exit 1."""
    path = folder / "threatboard.yaml"
    path.write_text(configuration)
    done = run("receive", "--config", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr.replace(str(folder), "FOLDER")


FREE = '"127.0.0.1:0"'


def test_help_and_version() -> None:
    assert run("--version").stdout == f"threatboard {__version__}\n"
    shown = run("--help").stdout
    assert all(command in shown for command in ("receive", "check-config", "send-test", "drill"))
    assert "without it the defaults run" in run("receive", "--help").stdout


@pytest.mark.parametrize("arguments", [(), ("receeve",), ("check-config",), ("send-test",), ("receive", "x.yaml")])
def test_wrong_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage: threatboard" in done.stderr


def test_check_config_prints_what_a_good_file_comes_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "threatboard.yaml"
    path.write_text("series: {settle: 90s}")
    assert main(["check-config", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "settle: 1m30s" in shown
    path.write_text(shown)
    assert main(["check-config", str(path)]) == 0
    assert capsys.readouterr().out == shown


def test_check_config_says_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    path = tmp_path / "threatboard.yaml"
    path.write_text("intake:\n  lisen: 1\n  max_body: huge\nseries: {limit: 0}\nmetrics: {auth: {token_file: gone}}\n")
    done = run("check-config", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        [f"{path}:2", "intake.lisen"],
        [f"{path}:3", "intake.max_body"],
        [f"{path}:4", "series.limit"],
        [f"{path}:5", "metrics.auth.token_file"],
    ]
    assert run("check-config", tmp_path / "gone.yaml").returncode == 1


def test_receive_does_not_start_without_its_token_file(tmp_path: Path) -> None:
    said = fails_to_start(tmp_path, "intake: {auth: {token_file: gone}}")
    assert said == (
        "FOLDER/threatboard.yaml:1: intake.auth.token_file: FOLDER/gone cannot be read: No such file or directory\n"
    )


def test_receive_does_not_start_with_a_certificate_that_does_not_fit_its_key(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.issue_cert("a").cert_chain_pems[0].write_to_path(tmp_path / "cert")
    ca.issue_cert("a").private_key_pem.write_to_path(tmp_path / "key")
    said = fails_to_start(tmp_path, "intake: {tls: {cert_file: cert, key_file: key}}")
    assert said.endswith("intake.tls.key_file: FOLDER/key is not the key of the certificate in FOLDER/cert\n")


@pytest.mark.parametrize("name", ["intake", "metrics"])
def test_a_port_in_use_is_a_sentence(name: str, tmp_path: Path) -> None:
    other = {"intake": "metrics", "metrics": "intake"}[name]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = fails_to_start(tmp_path, f'{{{name}: {{listen: "127.0.0.1:{port}"}}, {other}: {{listen: {FREE}}}}}')
    assert said == (
        f"{name}.listen: cannot listen on 127.0.0.1:{port}: "
        "the port is in use by another program; stop it, or choose another port\n"
    )


@pytest.mark.parametrize(
    ("address", "words"), [("192.0.2.1:0", "this machine has no such address"), ("no-such-host.invalid:0", "ot known")]
)
def test_an_address_that_is_not_ours_is_a_sentence(address: str, words: str, tmp_path: Path) -> None:
    said = fails_to_start(tmp_path, f'{{intake: {{listen: "{address}"}}, metrics: {{listen: {FREE}}}}}')
    assert said.startswith(f"intake.listen: cannot listen on {address}: ")
    assert words in said or "name resolution" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: signal.Signals, tmp_path: Path) -> None:
    with receiver(tmp_path) as running, running.connect() as idle:
        idle.sendall(b"POST /falco HTTP/1.1\r\n")
        running.process.send_signal(number)
        assert running.process.wait(PATIENCE) == 0
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
@pytest.mark.parametrize("there", [True, False])
def test_another_programs_folder_for_metrics_stops_nothing(
    name: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """prometheus_client, in other programs, keeps its numbers in files of the folder that this variable names."""
    folder = tmp_path / "metrics"
    if there:
        folder.mkdir()
    monkeypatch.setenv(name, str(folder))
    with receiver(tmp_path / "receiver") as running:
        assert running.post(alert()) == (204, None)
        assert running.value("threat_events_accepted_total", control="ids") == 1
        assert running.value("process_resident_memory_bytes") > 0
    assert not there or list(folder.iterdir()) == []


def test_receive_never_imports_kubernetes() -> None:
    """The part that faces the network has no access to the cluster, and no code that could use it."""
    code = "import sys, exporter.app, exporter.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in loaded.stdout.split()}
    assert "prometheus_client" in modules
    assert modules.isdisjoint({"kubernetes", "grafanalib", "requests", "urllib3"})


# send-test ----------------------------------------------------------------------------------------------------


class Certificates:
    """A CA with which a receiver and its clients are signed, as files."""

    def __init__(self, folder: Path) -> None:
        self.ca = folder / "ca.pem"
        self.client = folder / "client.pem"
        authority = trustme.CA()
        server = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca)
        server.cert_chain_pems[0].write_to_path(folder / "server.pem")
        server.private_key_pem.write_to_path(folder / "server.key")
        authority.issue_cert("client@node").private_key_and_cert_chain_pem.write_to_path(self.client)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A receiver that wants a token."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "token").write_text(SECRET)
    with receiver(folder, intake={"auth": {"token_file": "token"}}, events={"log": False}) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_secret_is_printed(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    printed: list[str] = []
    original = capsys.readouterr

    def remember() -> object:
        result = original()
        printed.extend(result)
        return result

    capsys.readouterr = remember  # type: ignore[method-assign,assignment]
    yield
    remember()
    assert SECRET not in "".join(printed)


def test_send_test_says_what_happened_and_what_to_check_next(
    closed: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    before = closed.value("threat_falco_alerts_total", rule=send_test.RULE, priority="critical")
    url = f"http://falco:{SECRET}@127.0.0.1:{closed.intake}/falco?x={SECRET}"
    assert main(["send-test", url, "--priority", "critical", "--namespace", "shop"]) == 0
    printed = capsys.readouterr()
    assert f"http://127.0.0.1:{closed.intake}/falco accepted one critical alert" in printed.out
    assert "Check next" in printed.out
    assert printed.err == ""
    after = closed.value("threat_falco_alerts_total", rule=send_test.RULE, priority="critical", k8s_ns_name="shop")
    assert after == before + 1


def test_send_test_takes_the_token_from_a_file(closed: Receiver, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET + "\n")
    assert main(["send-test", f"http://127.0.0.1:{closed.intake}", "--token-file", str(token)]) == 0


@pytest.mark.parametrize("userinfo", ["", "falco:wrong@", f"{SECRET}@"])
def test_send_test_says_what_to_do_about_401(
    closed: Receiver, userinfo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["send-test", f"http://{userinfo}127.0.0.1:{closed.intake}/falco"]) == 1
    printed = capsys.readouterr()
    assert "answered 401 Unauthorized" in printed.err
    assert "--token-file" in printed.err


def test_send_test_says_what_to_do_about_404(closed: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send-test", f"http://u:{SECRET}@127.0.0.1:{closed.intake}/falco/"]) == 1
    assert "use /falco" in capsys.readouterr().err


def test_send_test_says_that_nothing_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert main(["send-test", f"http://u:{SECRET}@127.0.0.1:{port}/falco"]) == 1
    assert "nothing listens there" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_send_test_does_not_wait_for_ever(
    scheme: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(send_test, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert main(["send-test", f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/falco"]) == 1
    assert "no answer within 0.2s" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        f"user:{SECRET}@localhost:2801/falco",
        f"htp://user:{SECRET}@localhost/falco",
        f"http://user:{SECRET}@localhost:99999/falco",
        f"http://user:{SECRET}@localhost:port/falco",
        f"http://user:{SECRET}@[::1/falco",
        f"http://user:{SECRET}@/falco",
        f"http://user:{SECRET}@a..b/falco",
        f"http://user:{SECRET}@a b/falco",
        f"http://user:{SECRET}@localhost/fal co",
        "",
    ],
)
def test_a_url_that_is_none_is_not_repeated(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send-test", url]) == 2
    assert "such as http://localhost:2801/falco" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--ca-file", "--cert-file", "--token-file"])
@pytest.mark.parametrize("content", [None, "", f"{SECRET}\nsecond line"], ids=["missing", "empty", "odd"])
def test_a_file_that_cannot_be_used_is_named(
    option: str, content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    assert main(["send-test", "https://127.0.0.1:1/falco", option, str(path)]) == 2
    assert capsys.readouterr().err.startswith(str(path))


def test_send_test_over_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = Certificates(tmp_path)
    tls = {"cert_file": "server.pem", "key_file": "server.key", "client_ca_file": "ca.pem"}
    with receiver(tmp_path, intake={"tls": tls}, events={"log": False}) as running:
        url, ca, cert = (
            f"https://localhost:{running.intake}/falco",
            f"--ca-file={files.ca}",
            f"--cert-file={files.client}",
        )
        assert main(["send-test", url, ca, cert]) == 0
        for arguments, words in (
            ((url, cert), "give its CA with --ca-file"),
            ((url, ca), "does it want a client certificate (--cert-file)"),
            ((url.replace("https", "http"),), "is TLS on there (https://)?"),
            ((f"https://localhost:{running.show}/falco", ca), "or plain http?"),
        ):
            capsys.readouterr()
            assert main(["send-test", *arguments]) == 1
            assert words in capsys.readouterr().err


def test_send_test_goes_straight_to_the_receiver(tmp_path: Path) -> None:
    """A proxy that is set for everything else must not get the alert."""
    with receiver(tmp_path, events={"log": False}) as running:
        command = [sys.executable, "-m", "exporter", "send-test", f"http://127.0.0.1:{running.intake}/falco"]
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
        assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0
