"""The programs that the demo and the tests need beside Python: which there are, and where this machine has them.

`python -m demo.tools [NAME ...]` gets what is missing (see `demo/debian.py`) and says where each program is; it exits
1 with a sentence for each that cannot be had. With SERVERS=newest in the environment Prometheus and Alertmanager are
those of Debian's newest suite, whatever is on the PATH.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo import beside, debian

UNPACKED = Path(__file__).resolve().parent.parent / ".tools"
"""Where Debian's packages are unpacked when a program is not on the PATH; below it, in `newest/`, the newest ones."""

NEWEST = "sid"
"""Debian's suite with the newest packages."""


@dataclass(frozen=True)
class Tool:
    """A program: the names it goes by on a PATH, Debian's package, and the product's name for people.

    An `installed` one is for tests only and is installed by root; the others are unpacked, by anyone. One with a
    `launch` is for tests only too: unpacked from its packages into `.tools/NAME/`, whatever is on the PATH, since the
    tests also read files that come with it.
    """

    commands: tuple[str, ...]
    package: str
    product: str
    installed: bool = False
    with_it: tuple[str, ...] = ()
    launch: str = ""


TOOLS = {
    "prometheus": Tool(("prometheus",), "prometheus", "Prometheus 2.42 or newer"),
    "promtool": Tool(("promtool",), "prometheus", "Prometheus 2.42 or newer"),
    "alertmanager": Tool(
        ("alertmanager", "prometheus-alertmanager"), "prometheus-alertmanager", "Alertmanager 0.25 or newer"
    ),
    "amtool": Tool(("amtool",), "prometheus-alertmanager", "Alertmanager 0.25 or newer"),
    "chromium": Tool(("chromium", "chromium-browser", "google-chrome"), "chromium", "Chromium", installed=True),
    "faketime": Tool(("faketime",), "faketime", "faketime", installed=True),
    "nginx": Tool(
        ("nginx",),
        "nginx",
        "nginx with ModSecurity and the OWASP Core Rule Set",
        with_it=("libnginx-mod-http-modsecurity", "modsecurity-crs"),
        launch='exec "$there/usr/sbin/nginx" "$@"',
    ),
    "syslog-ng": Tool(
        ("syslog-ng",),
        "syslog-ng-core",
        "syslog-ng with its HTTP destination",
        with_it=("syslog-ng-mod-http",),
        launch='exec "$there/usr/sbin/syslog-ng" --module-path="$(echo "$there"/usr/lib/syslog-ng/*/)" "$@"',
    ),
}


class MissingToolError(Exception):
    """A program cannot be had here; the message says what to do."""


def newest() -> bool:
    """Whether the newest servers are asked for."""
    return os.environ.get("SERVERS") == "newest"


def find(name: str) -> Path | None:
    """The program, from the PATH first, then from `.tools/`; None when it is in neither (see `Tool`)."""
    tool = TOOLS[name]
    if tool.launch:
        found = shutil.which(name, path=str(UNPACKED / name / "bin"))
    elif newest() and not tool.installed:
        found = shutil.which(name, path=str(UNPACKED / "newest" / "bin"))
    else:
        paths = (shutil.which(command) for command in tool.commands)
        found = next((path for path in paths if path), None) or shutil.which(name, path=str(UNPACKED / "bin"))
    return Path(found) if found else None


def get(name: str) -> Path:
    """The program, fetched first if need be; raises `MissingToolError`."""
    found = find(name)
    if found is None:
        _fetch(name)
        found = find(name)
    if found is None:
        raise MissingToolError(f"Debian's package {TOOLS[name].package} has no {name}: {_by_hand(name)}")
    return found


def _fetch(name: str) -> None:
    tool = TOOLS[name]
    if not debian.is_here():
        raise MissingToolError(f"{name} is not on the PATH, and only on Debian is it fetched for you: {_by_hand(name)}")
    try:
        if tool.launch:
            print(f"Unpacking {tool.product} from Debian's packages into {UNPACKED.name}/{name}/", flush=True)
            beside.unpack(UNPACKED / name, (tool.package, *tool.with_it), {name: tool.launch})
        elif tool.installed:
            print(f"Installing {tool.product} from Debian's packages, for the tests only", flush=True)
            debian.install(tool.package)
        elif newest():
            print(f"Unpacking Debian {NEWEST}'s Prometheus and Alertmanager into {UNPACKED.name}/newest/", flush=True)
            debian.unpack_servers(UNPACKED / "newest", NEWEST)
        else:
            print(f"Unpacking Prometheus and Alertmanager from Debian's packages into {UNPACKED.name}/", flush=True)
            debian.unpack_servers(UNPACKED)
    except debian.PackageError as error:
        raise MissingToolError(f"{name} could not be fetched: {_by_hand(name)}\n{error}") from error


def _by_hand(name: str) -> str:
    tool = TOOLS[name]
    if tool.launch:
        return "the tests that need it run on Debian only."
    return f"put {tool.product} on the PATH, so that `{tool.commands[0]}` can be run."


def main(names: Sequence[str]) -> int:
    """Gets the programs of these names, or all of them; says where each is."""
    faults = 0
    for name in names or TOOLS:
        try:
            print(f"{name}: {get(name)}", flush=True)
        except MissingToolError as missing:
            faults += 1
            print(missing, file=sys.stderr, flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
