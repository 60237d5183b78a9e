"""Buildah and podman in a folder of their own, on a machine without an image registry and with its own cgroups.

The base image is made of Debian's packages with debootstrap. Needs root, buildah, podman, runc and debootstrap.
"""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ("buildah", "podman", "runc", "debootstrap")
BASE, BUILD, IMAGE = "localhost/base", "localhost/build", "localhost/threatboard"

STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n'

# crun refuses mixed cgroups, and containers get the limits that this process may give.
CONTAINERS = """\
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


class Engine:
    """Runs buildah and podman with all their state below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        storage, containers = folder / "storage.conf", folder / "containers.conf"
        storage.write_text(STORAGE.format(folder=folder))
        containers.write_text(CONTAINERS)
        settings = {"CONTAINERS_STORAGE_CONF": storage, "CONTAINERS_CONF": containers, "TMPDIR": folder}
        self._environment = {
            **os.environ,
            "STORAGE_DRIVER": "vfs",
            **{name: str(file) for name, file in settings.items()},
        }

    def run(self, *command: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs a command; one that fails shows what it said."""
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def start(self, log: Path, *command: str) -> "subprocess.Popen[bytes]":
        """Starts a command and leaves it running; what it says goes to `log`."""
        with log.open("wb") as output:
            return subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)

    def build(self, tag: str, context: Path, *options: str) -> None:
        """Builds the Dockerfile of a folder."""
        self.run("buildah", "bud", "--isolation", "chroot", "--format", "docker", *options, "-t", tag, context)

    def make_bases(self) -> None:
        """A base with Python alone, and one to build on that has venv as well."""
        rootfs, context = self.folder / "rootfs", self.folder / "base"
        self.run("debootstrap", "--variant=minbase", "--include=python3,ca-certificates", "bookworm", rootfs)
        context.mkdir()
        self.run("tar", "-C", rootfs, "-cf", context / "rootfs.tar", ".")
        shutil.rmtree(rootfs)
        (context / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
        self.build(BASE, context)
        (context / "rootfs.tar").unlink()
        install = "apt-get update && apt-get install -y --no-install-recommends python3-venv"
        (context / "Dockerfile").write_text(f"FROM {BASE}\nRUN {install}\n")
        self.build(BUILD, context)

    def build_product(self) -> None:
        """The product's own Dockerfile, with pip set up as on this machine."""
        settings = [
            f"{name[4:].lower().replace('_', '-')} = {value}"
            for name, value in os.environ.items()
            if name[:4] == "PIP_"
        ]
        (self.folder / "pip.conf").write_text("\n".join(["[global]", *settings, ""]))
        authorities = "/etc/ssl/certs/ca-certificates.crt"
        mounts = [f"--volume={self.folder}/pip.conf:/etc/pip.conf:ro", f"--volume={authorities}:{authorities}:ro"]
        arguments = [f"--build-arg=BUILD={BUILD}", f"--build-arg=BASE={BASE}"]
        self.build(IMAGE, ROOT, *mounts, *arguments)


def missing() -> list[str]:
    """The programs that this machine lacks."""
    needs = [] if os.geteuid() == 0 else ["root"]
    return needs + [program for program in PROGRAMS if shutil.which(program) is None]
