"""Which module may import what: the layers of the design, read from the source."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PACKAGES = ("exporter", "dashboards", "rules", "demo")

SOURCES = {"orjson", "exporter.catalog", "exporter.sources"}

MAY_IMPORT: dict[str, set[str]] = {
    "exporter.catalog": set(),
    "exporter.sources": SOURCES,
    "exporter.server": {
        "httptools",
        "orjson",
        "exporter.catalog",
        "exporter.config.kinds",
        "exporter.config.credentials",
    },
    "exporter.pollers": {
        "kubernetes",
        "orjson",
        "re2",
        "urllib3",
        "yaml",
        "exporter.catalog",
        "exporter.clock",
        "exporter.config.credentials",
        "exporter.private",
    },
    "exporter.store": {"orjson", "exporter.catalog", "exporter.clock", "exporter.private", "exporter.server.http"},
}
"""Module or package -> what it may import besides the standard library and itself."""

ONLY_IMPORTER = {
    "prometheus_client": "exporter.metrics",
    "httptools": "exporter.server.reader",
    "kubernetes": "exporter.pollers.coverage.api",
    "grafanalib": "dashboards.document",
    "re2": "exporter.pollers.patterns",
}
"""Library -> the one module or package that imports it."""


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def name_of(path: Path) -> str:
    """`exporter.sources.falco` of a file; a package is called by its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str) -> Iterator[str]:
    """The modules that a source imports anywhere in it. Of `from a import b` both a and a.b, as b may be a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a thing comes from"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module in PACKAGES)


IMPORTS = {
    name_of(path): set(imported(path.read_text("utf-8")))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def test_the_graph_is_read() -> None:
    """A test over nothing would pass."""
    assert "exporter.sources.body" in IMPORTS["exporter.sources.falco"]
    assert "uvloop" in IMPORTS["exporter.__main__"]  # imported inside a function
    assert list(imported("def f():\n    from exporter import catalog\n")) == ["exporter", "exporter.catalog"]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_lies_below_it(layer: str) -> None:
    strangers = {
        (module, name)
        for module, names in IMPORTS.items()
        if is_within(module, layer)
        for name in names - {"exporter", "exporter.config", "exporter.server"}
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not any(is_within(name, allowed) for allowed in (layer, *MAY_IMPORT[layer]))
    }
    assert strangers == set()


@pytest.mark.parametrize("library", ONLY_IMPORTER)
def test_a_library_has_one_importer(library: str) -> None:
    importers = {module for module, names in IMPORTS.items() for name in names if is_within(name, library)}
    assert importers
    assert [module for module in importers if not is_within(module, ONLY_IMPORTER[library])] == []


def test_the_exporter_imports_nothing_that_is_not_shipped_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {"prometheus_client", "orjson", "yaml", "uvloop", "httptools"}
    extra = {"kubernetes", "re2", "urllib3"}  # of the role that reads the cluster
    assert len(project["dependencies"]) == len(required)
    assert len(project["optional-dependencies"]["watch"]) == len(extra)
    named = {
        name.partition(".")[0] for module, names in IMPORTS.items() if is_within(module, "exporter") for name in names
    }
    foreign = named - sys.stdlib_module_names - {"exporter"}
    assert required <= foreign <= required | extra


def test_the_receiver_never_imports_the_client_of_kubernetes() -> None:
    """What faces the network has no rights in the cluster, and no code that could use them."""
    command = (
        "import sys, exporter.app; print([name for name in ('kubernetes', 'exporter.pollers') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
