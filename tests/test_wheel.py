"""The wheel: what an installed threatboard consists of, and that no other distribution can take its modules' place."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from exporter import __version__

ROOT = Path(__file__).parent.parent
SOURCES = ("exporter", "pyproject.toml", "setup.py", "README.md", "LICENSE")
EVERY_MODULE = """
import importlib, pkgutil, sys
import threatboard
for module in pkgutil.walk_packages(threatboard.__path__, "threatboard."):
    importlib.import_module(module.name)
print(sorted(name for name in sys.modules if name.partition(".")[0] == "exporter"), threatboard.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    made = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--wheel-dir", made, source], check=True, timeout=120)
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed, beside another distribution whose package is called `exporter` and cannot be imported."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (folder / "exporter").mkdir()
    (folder / "exporter" / "__init__.py").write_text('raise ImportError("this is another exporter")\n')
    return folder


def run(site: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", **variables}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_wheel_ships_the_exporter_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = {Path(name) for name in archive.namelist() if ".dist-info/" not in name}
        (scripts,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert b"threatboard = threatboard.__main__:main" in archive.read(scripts)
    folder = ROOT / "exporter"
    assert found == {Path("threatboard") / path.relative_to(folder) for path in folder.rglob("*.py")}


def test_another_package_called_exporter_is_not_in_its_way(site: Path) -> None:
    done = run(site, "-c", EVERY_MODULE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"[] {site / 'threatboard' / '__init__.py'}\n"
    done = run(site, "-m", "threatboard", "--version")
    assert (done.returncode, done.stdout) == (0, f"threatboard {__version__}\n")


def test_the_command_of_a_checkout_is_the_checkouts() -> None:
    """`make` installs it in a way in which a change of a file is at once a change of the program."""
    command = Path(sys.executable).with_name("threatboard")
    done = subprocess.run([command, "--version"], cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"threatboard {__version__}\n", "")


def test_the_program_of_helm_test_runs_with_what_is_installed(site: Path) -> None:
    """It is the chart's, and runs in the image, where the package has its installed name alone."""
    program = str(ROOT / "helm/threatboard/files/find_alert.py")
    done = run(site, program, INTAKE_URL="http://127.0.0.1:1/falco", METRICS_URL="http://127.0.0.1:1", TIMEOUT="1")
    assert done.returncode == 1
    assert "Not delivered to http://127.0.0.1:1/falco" in done.stderr
