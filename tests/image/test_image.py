"""The image: small, without root and build tools, read-only, takes an alert, and stops when it is told to."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.servers import free_port
from tests.image.engine import IMAGE, Engine, missing
from tests.support.receiver import alert

GRACE = 120.0
"""Seconds that a container has to end; one that does nothing on SIGTERM never would."""


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine with the image in it."""
    if lacking := missing():
        reason = f"an image is built here with {', '.join(lacking)}, which this machine lacks"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    made = Engine(tmp_path_factory.mktemp("engine"))
    made.make_bases()
    made.build_product()
    yield made
    made.run("buildah", "rmi", "--all", "--force", check=False)


class Container:
    """A running receiver as the chart runs it: read-only, without capabilities, its ports on this machine."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.intake, self.show = free_port(), free_port()
        self.name = f"threatboard-{self.show}"
        folder.chmod(0o755)
        listeners = {"intake": {"listen": f"127.0.0.1:{self.intake}"}, "metrics": {"listen": f"127.0.0.1:{self.show}"}}
        (folder / "threatboard.yaml").write_text(json.dumps(listeners))
        restricted = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host"]
        self.log = folder.parent / f"{folder.name}.log"
        self.process = engine.start(
            self.log,
            *("podman", "run", "--rm", "--name", self.name, "--no-healthcheck", *restricted),
            *(
                f"--volume={folder}:/etc/threatboard:ro",
                IMAGE,
                "receive",
                "--config",
                "/etc/threatboard/threatboard.yaml",
            ),
        )

    def wait(self) -> None:
        """Until it is ready."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.show}/readyz", timeout=2)
                return
            except urllib.error.URLError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.2)
        raise AssertionError("the container was not ready after a minute")

    def inside(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command in the container."""
        return self.engine.run("podman", "exec", self.name, *command, check=False)


@contextmanager
def container(engine: Engine, folder: Path) -> Iterator[Container]:
    """Starts a container and ends it in any case."""
    made = Container(engine, folder)
    try:
        made.wait()
        yield made
    finally:
        engine.run("podman", "rm", "--force", "--time=0", made.name, check=False)
        made.process.wait(30)


def test_it_takes_an_alert_without_root_on_a_read_only_disk(engine: Engine, tmp_path: Path) -> None:
    with container(engine, tmp_path) as running:
        assert running.inside("id", "-u").stdout.strip() == "65532"
        refused = running.inside("touch", "/opt/threatboard/x")
        assert "Read-only file system" in refused.stderr
        body = json.dumps(alert()).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{running.intake}/falco", body)
        assert urllib.request.urlopen(request, timeout=5).status == 204
        page = urllib.request.urlopen(f"http://127.0.0.1:{running.show}/metrics", timeout=5).read().decode()
        lines = [line for line in page.splitlines() if line.startswith("threat_falco_alerts_total{")]
        assert [line.rpartition(" ")[2] for line in lines if 'rule="Terminal shell in container"' in line] == ["1"]


def test_as_process_1_it_stops_on_sigterm(engine: Engine, tmp_path: Path) -> None:
    with container(engine, tmp_path) as running:
        assert running.inside("readlink", "/proc/1/exe").stdout.strip().startswith("/usr/bin/python3")
        engine.run("podman", "kill", "--signal", str(int(signal.SIGTERM)), running.name)
        assert running.process.wait(GRACE) == 0


def test_the_program_of_helm_test_runs_in_it(engine: Engine, tmp_path: Path) -> None:
    with container(engine, tmp_path) as running:
        program = (Path(__file__).parents[2] / "helm/threatboard/files/find_alert.py").read_text()
        urls = [f"INTAKE_URL=http://127.0.0.1:{running.intake}/falco", f"METRICS_URL=http://127.0.0.1:{running.show}"]
        done = running.inside("env", *urls, "TIMEOUT=10", "python3", "-c", program)
        assert done.returncode == 0, done.stderr
        assert "has counted the test alert" in done.stdout


def test_nothing_to_build_with_is_shipped(engine: Engine) -> None:
    look = (
        "import importlib.util, shutil;"
        "print([name for name in ('pip', 'setuptools') if importlib.util.find_spec(name)], shutil.which('gcc'))"
    )
    shown = engine.run(
        "podman", "run", "--rm", "--network=none", "--no-healthcheck", "--entrypoint=python3", IMAGE, "-c", look
    )
    assert shown.stdout.strip() == "[] None"


def test_it_runs_as_any_user_of_group_0(engine: Engine, tmp_path: Path) -> None:
    """OpenShift gives each namespace users of its own."""
    alone = ["podman", "run", "--rm", "--read-only", "--network=none", "--no-healthcheck", "--user=1000680000:0"]
    shown = engine.run(*alone, IMAGE, "--version")
    assert shown.stdout.startswith("threatboard ")


def test_the_image_holds_its_bill_of_materials(engine: Engine) -> None:
    alone = ["podman", "run", "--rm", "--network=none", "--no-healthcheck", "--entrypoint=cat"]
    made = json.loads(engine.run(*alone, IMAGE, "/opt/threatboard/sbom/threatboard.cdx.json").stdout)
    names = {component["name"] for component in made["components"]}
    locked = (Path(__file__).parents[2] / "image/requirements.txt").read_text()
    assert names == {*re.findall(r"^([\w.-]+)==", locked, re.MULTILINE), "threatboard"}


def test_the_image_says_what_it_is(engine: Engine) -> None:
    config = json.loads(engine.run("buildah", "inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["threatboard"]
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python3"]
    assert set(config["ExposedPorts"]) == {"2801/tcp", "9376/tcp"}
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_health_check_tells_well_from_ill(engine: Engine, tmp_path: Path) -> None:
    config = json.loads(engine.run("buildah", "inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    check = config["Healthcheck"]["Test"][1:]
    # Each in a network of its own, where the default ports are free.
    alone = ["podman", "run", "--rm", "--read-only", "--network=none", "--no-healthcheck", "--cap-drop=ALL"]
    well = engine.start(tmp_path / "well.log", *alone, "--name=well", IMAGE)
    ill = engine.start(tmp_path / "ill.log", *alone, "--name=ill", "--entrypoint=sleep", IMAGE, "100")
    try:
        deadline = time.monotonic() + 60
        while engine.run("podman", "exec", "well", *check, check=False).returncode != 0:
            assert time.monotonic() < deadline, (tmp_path / "well.log").read_text()
            time.sleep(0.5)
        refused = engine.run("podman", "exec", "ill", *check, check=False)
        assert "Connection refused" in refused.stderr
    finally:
        engine.run("podman", "rm", "--force", "--time=0", "well", "ill", check=False)
        well.wait(30), ill.wait(30)
