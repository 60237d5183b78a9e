"""The receiver's pods as processes of this machine, and Falco's side of the Service in front of them."""

import http.client
import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import yaml

from demo.servers import ROOT
from tests.cluster.api import Api, Object
from tests.cluster.release import CORE, RELEASE, wait_for
from tests.support.receiver import alert

NETWORK = f"127.20.{random.randrange(1, 255)}"
"""Where the addresses 10.1.0.* of pods are on this machine."""

INTAKE, SHOW = 2801, 9376


def here(address: str) -> str:
    """The address of a pod on this machine."""
    return f"{NETWORK}.{address.rpartition('.')[2]}"


class Processes:
    """A runtime: pods are `threatboard receive` with the configuration in the cluster, stopped as a kubelet does."""

    def __init__(self, api: Api, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: dict[str, float] = {}
        self.ends: dict[str, tuple[int, float]] = {}

    def ready(self, pod: Object) -> bool:
        name = pod["metadata"]["name"]
        if name not in self._running:
            self._running[name] = self._start(name, here(pod["status"]["podIP"]))
        connection = http.client.HTTPConnection(here(pod["status"]["podIP"]), SHOW, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        if name not in self._asked:
            self._asked[name] = time.monotonic()
            self._running[name].send_signal(signal.SIGTERM)

    def ended(self, pod: Object) -> bool:
        name, grace = pod["metadata"]["name"], pod["spec"]["terminationGracePeriodSeconds"]
        code = self._running[name].poll()
        took = time.monotonic() - self._asked[name]
        if code is None and took > grace:
            self._running[name].kill()
        elif code is not None:
            self.ends[name] = (code, took)
        return code is not None

    def close(self) -> None:
        """Ends whatever still runs."""
        for process in self._running.values():
            process.kill()
            process.wait()

    def _start(self, name: str, address: str) -> "subprocess.Popen[bytes]":
        text = self._api.get(f"{CORE}/configmaps/{RELEASE}")["data"]["threatboard.yaml"]
        config = yaml.safe_load(text)
        config["intake"]["listen"], config["metrics"]["listen"] = f"{address}:{INTAKE}", f"{address}:{SHOW}"
        config["series"]["state_dir"] = str(self._folder / name)
        (self._folder / name).mkdir()
        file = self._folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "exporter", "receive", "--config", str(file)]
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log)


class Discovery:
    """Keeps a file of the pods that the metrics Service lists while it is entered, for Prometheus to scrape.

    As Prometheus' own discovery does, which Debian's is built without: from the Endpoints, ready or not.
    """

    def __init__(self, api: Api, file: Path) -> None:
        self._api = api
        self._file = file
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            subsets = self._api.get(f"{CORE}/endpoints/{RELEASE}-metrics").get("subsets", [])
            pods = [
                pod for subset in subsets for kind in ("addresses", "notReadyAddresses") for pod in subset.get(kind, [])
            ]
            targets = [
                {"targets": [f"{here(pod['ip'])}:{SHOW}"], "labels": {"instance": pod["targetRef"]["name"]}}
                for pod in pods
            ]
            text = json.dumps(targets)
            if not self._file.exists() or self._file.read_text() != text:
                new = self._file.with_suffix(".new")
                new.write_text(text)
                new.rename(self._file)


class Falco:
    """Sends alerts through the intake Service while it is entered: one kept connection, and never a second try.

    A new connection goes to one of the addresses that the Service has at that moment, as kube-proxy would have it;
    Falcos of different numbers take turns in a different order.
    """

    def __init__(self, api: Api, number: int) -> None:
        self._api = api
        self._turn = itertools.count(number)
        self._addresses: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._watch, self._send)]
        self.accepted = 0
        self.lost: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_for(lambda: self.accepted > 0, "a first alert")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            subsets = self._api.get(f"{CORE}/endpoints/{RELEASE}").get("subsets", [])
            self._addresses = [one["ip"] for subset in subsets for one in subset.get("addresses", [])]

    def _send(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._over.wait(0.02):
            if connection is None:
                if not self._addresses:
                    continue
                connection = http.client.HTTPConnection(
                    here(self._addresses[next(self._turn) % len(self._addresses)]), INTAKE, timeout=5
                )
            try:
                connection.request("POST", "/falco", json.dumps(alert(f"rule {self.accepted % 7}")))
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{connection.host}: {error!r}")
                connection.close()
                connection = None
                continue
            if answer.status != 204:
                self.lost.append(f"{connection.host}: {answer.status}")
            self.accepted += answer.status == 204
            if answer.will_close:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()
