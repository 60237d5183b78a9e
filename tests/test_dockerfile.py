"""The Dockerfile and what it builds from, as far as that can be checked without building it."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_build_sees_only_what_is_shipped() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")
    assert set(allowed) == {"exporter", "image", "pyproject.toml", "setup.py", "README.md", "LICENSE"}


def locked(name: str) -> dict[str, str]:
    """Package -> version of a lock file, in which each has hashes."""
    text = (ROOT / "image" / name).read_text()
    entries = re.findall(r"^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    versions = {package: version for package, version, _ in entries}
    assert len(versions) == len(re.findall(r"^[\w.-]+", text, re.MULTILINE)), "an entry without hashes"
    return versions


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.txt", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["watch"]),
        ("build-requirements.txt", tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]),
    ],
)
def test_the_lock_file_holds_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    versions = locked(lock)
    for requirement in map(Requirement, wanted):
        version = versions[requirement.name.lower()]
        assert requirement.specifier.contains(version), f"{requirement}, locked {version}: run make lock"


def test_everything_is_installed_by_hash() -> None:
    installs = re.findall(r"pip [^&]*?install[^&]*", DOCKERFILE.replace("\\\n", " "))
    assert len(installs) == 3
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)
    assert "--no-build-isolation" in DOCKERFILE  # or the build would fetch what it likes


def test_no_extra_is_named_that_the_project_lacks() -> None:
    extras = {extra for named in re.findall(r"\.\[([\w,-]+)\]", DOCKERFILE) for extra in named.split(",")}
    assert extras <= PROJECT["optional-dependencies"].keys()


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def healthy() -> Iterator[int]:
    """The port of a server that is well."""
    with HTTPServer(("127.0.0.1", 0), _Healthy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def check(port: int) -> int:
    """The exit code of the health check, on another port, where every proxy is a dead one."""
    match = re.search(r"HEALTHCHECK[^\[]*CMD (\[.*\])", DOCKERFILE)
    assert match
    command = json.loads(match[1].replace(":9376/", f":{port}/"))
    proxies = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "HTTP", "all", "https")}
    return subprocess.run([sys.executable, *command[1:]], env=proxies, capture_output=True, check=False).returncode


def test_the_health_check_asks_no_proxy() -> None:
    with healthy() as port:
        assert check(port) == 0
    assert check(port) != 0


def test_the_bill_of_materials_lists_what_is_installed() -> None:
    folder = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run([sys.executable, ROOT / "image/sbom.py", folder], capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    purls = {component["purl"] for component in made["components"]}
    assert {f"pkg:pypi/{package}" for package in ("orjson", "uvloop", "threatboard")} <= {
        purl.partition("@")[0] for purl in purls
    }
    assert len(purls) == len(made["components"])
