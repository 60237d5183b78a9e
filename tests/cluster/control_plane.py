"""A real Kubernetes 1.20 control plane on 127.0.0.1: API server, controllers and scheduler, without any node.

The version is what Debian has sources of. It lacks policy/v1, internalTrafficPolicy and maxSurge of DaemonSets, and it
has no kubelet: see `nodes.py` for what stands in for that.
"""

import shutil
import subprocess
import time
import urllib.error
from pathlib import Path
from typing import Self

import yaml

from demo.servers import free_port
from tests.cluster.api import Api

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ROOT / ".tools/kubernetes/bin"
TOKEN = "administrator"

CONTROLLERS = (
    "deployment,replicaset,daemonset,endpoint,endpointslice,namespace,garbagecollector,disruption,serviceaccount,job"
)
"""All that the chart's objects need; not those that would find the nodes dead."""


class ControlPlane:
    """Runs while it is entered; `kubeconfig` is for clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig.yaml"
        self._certificate = folder / "server.crt"
        self._etcd, self._peers, self._api = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self._api}"
        self.api = Api(self.url, self._certificate, TOKEN)
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends everything, the last started first."""
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _start(self) -> None:
        key, public = self.folder / "accounts.key", self.folder / "accounts.pub"
        self._openssl("genrsa", "-out", key, "2048")
        self._openssl("rsa", "-in", key, "-pubout", "-out", public)
        new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
        tls_key = self.folder / "server.key"
        self._openssl(*new, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tls_key, "-out", self._certificate)
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.kubeconfig.write_text(self._client_settings())
        etcd, peers = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peers}"
        self._run(
            *(shutil.which("etcd") or "etcd", f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}", f"--listen-peer-urls={peers}"),
            *(f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}"),
        )
        self._run(
            *(PROGRAMS / "kube-apiserver", f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", "--insecure-port=0"),
            *(
                f"--secure-port={self._api}",
                f"--tls-cert-file={self._certificate}",
                f"--tls-private-key-file={tls_key}",
            ),
            *("--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={public}"),
            *(f"--service-account-signing-key-file={key}", f"--token-auth-file={tokens}", "--profiling=false"),
            *("--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount"),
            "--authorization-mode=RBAC",
        )
        self._wait()
        for program, extra in (
            ("kube-controller-manager", (f"--service-account-private-key-file={key}", f"--controllers={CONTROLLERS}")),
            ("kube-scheduler", ()),
        ):
            listen = ("--bind-address=127.0.0.1", f"--secure-port={free_port()}", "--port=0")
            client = (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false")
            self._run(PROGRAMS / program, *client, *listen, f"--cert-dir={self.folder / program}", *extra)

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def _run(self, *command: str | Path) -> None:
        with (self.folder / f"{Path(command[0]).name}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self._running.append(process)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for process in self._running:
                assert process.poll() is None, f"{process.args!r} ended: see {self.folder}"
            try:
                self.api.get("/apis/apps/v1")
                self.api.get("/api/v1/namespaces/default")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        raise AssertionError(f"the API server was not ready after a minute: see {self.folder}")

    def _client_settings(self) -> str:
        cluster = {"server": self.url, "certificate-authority": str(self._certificate)}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "here", "cluster": cluster}],
                "users": [{"name": "admin", "user": {"token": TOKEN}}],
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
                "current-context": "here",
            }
        )
