"""Programs from Debian's packages for tests, unpacked beside the system together with what they lack.

As any user, and nothing is started: installing nginx would start it, and installing syslog-ng would remove another
logging daemon.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.debian import PackageError, apt_conf, run, update

LAUNCHER = """\
#!/bin/sh
there=$(cd "$(dirname "$0")/../debian" && pwd)
for folder in "$there"/lib/*-linux-gnu "$there"/usr/lib/*-linux-gnu "$there"/usr/lib/syslog-ng; do
  LD_LIBRARY_PATH=$folder${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}
done
export LD_LIBRARY_PATH
{command}
"""
"""Runs `command` with the unpacked libraries; `$there` is what is / for an installed package."""


def unpack(folder: Path, packages: Sequence[str], launchers: Mapping[str, str]) -> None:
    """Puts the packages, and what they need that is not installed here, into `folder`; whole or not at all.

    Their files are in `folder/debian`, their programs are run as `folder/bin/NAME`. Raises `PackageError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, tempfile.TemporaryDirectory(dir=folder) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all((folder / "bin" / name).exists() for name in launchers):
            return
        conf = apt_conf(Path(scratch))
        warnings = update(["-c", str(conf)])
        # --reinstall: also what is installed here, so that the copy is whole.
        options = ["-c", str(conf), "-o", "Debug::NoLocking=1", "--download-only", "--reinstall", "-y"]
        run(["apt-get", *options, "--no-install-recommends", "install", *packages], warnings=warnings)
        found = sorted(Path(scratch, "cache", "archives").glob("*.deb"))
        if not found:
            raise PackageError(f"{warnings}apt-get downloaded nothing for {' '.join(packages)}")
        for package in found:
            run(["dpkg", "-x", str(package), str(Path(scratch, "unpacked"))])
        shutil.rmtree(folder / "debian", ignore_errors=True)
        Path(scratch, "unpacked").rename(folder / "debian")
        (folder / "bin").mkdir(exist_ok=True)
        for name, command in launchers.items():
            launcher = folder / "bin" / name
            launcher.write_text(LAUNCHER.format(command=command))
            launcher.chmod(0o755)
