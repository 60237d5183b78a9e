"""The lock file can be installed wherever the image may be built: each platform, each Python, by the same hashes."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "image/requirements.txt"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = range(17, 37)  # 2.17 to 2.36, which Debian bookworm has
PYTHONS = ("3.11", "3.12", "3.13")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", MACHINES)
def test_every_locked_package_has_a_wheel(platform: str, python: str, tmp_path: Path) -> None:
    wanted = ["--python-version", python, "--implementation", "cp"]
    for minor in GLIBC:  # a wheel names the oldest that it runs with; pip compares the names
        wanted += ["--platform", f"manylinux_2_{minor}_{MACHINES[platform]}"]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-cache-dir", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", *wanted, "--dest", str(tmp_path), "-r", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    locked = [line for line in LOCK.read_text().splitlines() if "==" in line]
    wheels = [path.name for path in tmp_path.iterdir()]
    assert len(wheels) == len(locked)
    assert all(name.endswith("none-any.whl") or MACHINES[platform] in name for name in wheels), wheels
    assert any(MACHINES[platform] in name for name in wheels)


def test_the_program_itself_is_the_same_on_every_platform() -> None:
    """Nothing of it is compiled."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    assert [name.partition(">")[0] for name in build["requires"]] == ["setuptools"]
    assert "ext_modules" not in (ROOT / "setup.py").read_text()
