"""Programs from Debian's packages: Prometheus and Alertmanager unpacked, others installed.

The two servers are never installed, because their packages start services. They are unpacked into a folder, as any
user: with an apt state of our own, neither root nor an earlier `apt-get update` is needed. What such a copy lacks of an
installed one is made up for by launchers in the folder's `bin/`. They come from the release of this machine, or from
another suite of the same archive, such as `sid`.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SERVERS = ("prometheus", "prometheus-alertmanager")

NEEDED = ("libjs-", "fonts-", "promtool")
"""What the names of packages begin with that Prometheus needs beside it: its pages, and its tool where that is one.
All else serves an installation."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""What Debian signs all its suites with."""

APT_CONF = """\
Dir::State "{folder}/state";
Dir::Cache "{folder}/cache";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "root";
#clear APT::Update;
"""

OTHER_SOURCES = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
"""

INSTALLED_AT = b"/usr/share/prometheus/alertmanager"
OPENED_AS = b"/proc/self/fd/9".ljust(len(INSTALLED_AT), b"/")
"""Debian's Alertmanager reads its message templates from one absolute folder that no option changes. In the unpacked
copy that name is replaced by one of the same length, for a folder that the launcher opens."""

LAUNCHERS = {
    "prometheus": 'exec "$there/bin/prometheus" --web.local-assets="$there/share/prometheus/web" "$@"',
    "promtool": 'exec "$there/bin/promtool" "$@"',
    "alertmanager": 'exec "$there/bin/prometheus-alertmanager" "$@" 9< "$there/share/prometheus/alertmanager"',
    "amtool": 'exec "$there/bin/amtool" "$@"',
}


class PackageError(Exception):
    """A package cannot be had; the message says why, with apt's own words."""


def is_here() -> bool:
    """Whether this is Debian, or near enough to have its package tools."""
    return all(shutil.which(command) for command in ("apt-get", "apt-cache", "dpkg"))


def install(package: str) -> None:
    """Installs a package, without asking questions; only root can."""
    if os.geteuid() != 0:
        raise PackageError(f"Only root can install it (apt-get install {package}).")
    options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    warnings = update(options)
    run(["apt-get", *options, "install", "-y", "--no-install-recommends", package], warnings=warnings)


def unpack_servers(folder: Path, suite: str = "") -> None:
    """Puts Prometheus and Alertmanager into `folder`, to be run as `bin/prometheus` and so on; whole or not at all.

    They are those of Debian's `suite`, or of the release that apt is set up for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, tempfile.TemporaryDirectory(dir=folder) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all((folder / "bin" / name).exists() for name in LAUNCHERS):
            return
        unpacked = Path(scratch, "unpacked")
        for package in _download(Path(scratch), suite):
            run(["dpkg", "-x", str(package), str(unpacked)])
        # 200 MB of time zone sources that no page reads.
        shutil.rmtree(unpacked / "usr/share/javascript/moment-timezone/data", ignore_errors=True)
        _reopen_templates(unpacked / "usr/bin/prometheus-alertmanager")
        shutil.rmtree(folder / "debian", ignore_errors=True)
        unpacked.rename(folder / "debian")
        _write_launchers(folder / "bin")


def _download(folder: Path, suite: str) -> list[Path]:
    """The servers' packages, and those that Prometheus needs beside them, as files in `folder`."""
    conf = apt_conf(folder)
    warnings = update(["-c", str(conf)])
    if suite:
        archive = _archive(conf, warnings)
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        (folder / "sources.list").write_text(f"deb {signed}{archive} {suite} main\n")
        conf.write_text((APT_CONF + OTHER_SOURCES).format(folder=folder))
        warnings += update(["-c", str(conf)])
    only_depends = [
        f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    ]
    names = run(["apt-cache", "-c", str(conf), "depends", "--recurse", *only_depends, *SERVERS], warnings=warnings)
    needed = {name for name in names.splitlines() if name.startswith(NEEDED)}
    run(["apt-get", "-c", str(conf), "download", *SERVERS, *sorted(needed)], cwd=folder, warnings=warnings)
    return sorted(folder.glob("*.deb"))


def apt_conf(folder: Path) -> Path:
    """A configuration for apt with state and cache of its own in `folder`: `apt-get -c FILE`, as any user."""
    for place in ("state/lists/partial", "cache/archives/partial"):
        (folder / place).mkdir(parents=True)
    conf = folder / "apt.conf"
    conf.write_text(APT_CONF.format(folder=folder))
    return conf


def _archive(conf: Path, warnings: str) -> str:
    """Where Debian's own packages come from here; the lists must have been fetched, for they say whose they are."""
    shown = run(
        ["apt-get", "-c", str(conf), "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)"], warnings=warnings
    )
    sites = [line.rpartition("|")[2] for line in shown.splitlines() if line.startswith("Debian|Debian|")]
    if not sites:
        raise PackageError(f"{warnings}Debian's archive is not among apt's sources.")
    return sites[0]


def _reopen_templates(alertmanager: Path) -> None:
    alertmanager.write_bytes(alertmanager.read_bytes().replace(INSTALLED_AT, OPENED_AS))


def _write_launchers(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, command in LAUNCHERS.items():
        launcher = folder / name
        launcher.write_text(f'#!/bin/sh\nthere=$(dirname "$0")/../debian/usr\n{command}\n')
        launcher.chmod(0o755)


def update(options: list[str]) -> str:
    """Refreshes apt's lists; what it complained about, since one dead source among several need not matter."""
    try:
        run(["apt-get", *options, "update"])
    except PackageError as failed:
        return f"{failed}\n"
    return ""


def run(command: list[str], cwd: Path | None = None, warnings: str = "") -> str:
    """What the command printed; raises `PackageError` with that, after the warnings of earlier commands."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603 (a fixed program, and packages from our own table)
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise PackageError("\n".join([f"{warnings}`{' '.join(command)}` failed:", *said[-10:]]))
    return done.stdout
