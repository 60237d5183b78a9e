"""A real Kubernetes control plane on 127.0.0.1: API server, controllers and scheduler, and kwok for the nodes.

The version is in `kubernetes/go.mod`, from which `kubernetes/build.sh` builds it. kwok plays the kubelets of the nodes
that it is given here; `nodes.py` plays those of others, whose pods a test wants to run or to hold.
"""

import subprocess
import time
import urllib.error
from pathlib import Path
from typing import Self

import yaml

from demo.servers import free_port
from tests.cluster.api import Api
from tests.cluster.programs import built

TOKEN = "administrator"

NEEDS = ("control-plane", "kwok", "etcd")

SIMULATED = {"kubelet": "simulated"}
"""The label of kwok's nodes."""

SOURCES = Path(__file__).parent / "kubernetes"
CONTROLLERS = "--controllers=*,-node-lifecycle-controller"

FAST = ("--kube-api-qps=300", "--kube-api-burst=600")
"""Without them the controllers wait for themselves."""


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
        self._programs = dict(zip(NEEDS, built(*NEEDS), strict=True))

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
        """Ends everything, the last started first: without etcd the API server would hang."""
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
            *(self._programs["etcd"], f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}", f"--listen-peer-urls={peers}"),
            *(f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}"),
        )
        self._run(
            *(self._programs["control-plane"], "apiserver", f"--etcd-servers={etcd}", "--bind-address=127.0.0.1"),
            "--advertise-address=127.0.0.1",
            *(
                f"--secure-port={self._api}",
                f"--tls-cert-file={self._certificate}",
                f"--tls-private-key-file={tls_key}",
            ),
            *("--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={public}"),
            *(f"--service-account-signing-key-file={key}", f"--token-auth-file={tokens}", "--profiling=false"),
            *("--service-cluster-ip-range=10.0.0.0/16", "--authorization-mode=RBAC", "--allow-privileged=true"),
        )
        self._wait()
        for program, extra in (
            # Nodes that a test plays itself have no heartbeat; the controller that finds them dead stays out.
            (
                "controller-manager",
                (f"--service-account-private-key-file={key}", f"--root-ca-file={self._certificate}", CONTROLLERS),
            ),
            ("scheduler", ()),
        ):
            listen = ("--bind-address=127.0.0.1", f"--secure-port={free_port()}", *FAST)
            client = (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false")
            self._run(
                self._programs["control-plane"],
                program,
                *client,
                *listen,
                f"--cert-dir={self.folder / program}",
                *extra,
            )
        self._run(
            *(self._programs["kwok"], f"--kubeconfig={self.kubeconfig}", f"--config={SOURCES / 'stages.yaml'}"),
            *("--manage-all-nodes=false", "--manage-nodes-with-label-selector=kubelet=simulated"),
            *(f"--server-address=127.0.0.1:{free_port()}", "--node-lease-duration-seconds=40"),
        )
        self._wait_for_accounts()

    def add_nodes(self, count: int) -> list[str]:
        """Makes nodes whose pods kwok plays; their names."""
        capacity = {"cpu": "32", "memory": "256Gi", "pods": "250"}
        names = [f"worker-{number}" for number in range(1, count + 1)]
        for name in names:
            labels = {**SIMULATED, "kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
            status = {"allocatable": capacity, "capacity": capacity}
            self.api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}, "status": status})
            # Admission taints a new node until the controller that is left out here finds it ready.
            self.api.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
        return names

    def _wait_for_accounts(self) -> None:
        """Until the controllers have made the first service account: they are at work."""
        deadline = time.monotonic() + 60
        while not self.api.items("/api/v1/namespaces/default/serviceaccounts"):
            assert time.monotonic() < deadline, f"the controllers do nothing: see {self.folder}"
            time.sleep(0.2)

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def _run(self, *command: str | Path) -> None:
        name = "-".join(Path(part).name for part in command[:2] if not str(part).startswith("--"))
        with (self.folder / f"{name}.log").open("wb") as log:
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
