"""Sends one test alert through the intake Service, and finds it on one of the pods behind the metrics Service.

`helm test` runs it in threatboard's own image. Environment: INTAKE_URL and METRICS_URL of the two Services, PRIORITY
and NAMESPACE of the alert, TIMEOUT in seconds, INTAKE_TOKEN and METRICS_TOKEN (names of files), CREDENTIALS (folder
of the mounted secrets). The exit code is 0 when the alert was found.
"""

import math
import os
import socket
import ssl
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from prometheus_client.parser import text_string_to_metric_families
from threatboard.__main__ import main
from threatboard.send_test import RULE

CREDENTIALS = Path(os.environ.get("CREDENTIALS", "/etc/threatboard"))
CLIENT = Path(tempfile.gettempdir()) / "client.pem"


class PodConnection(HTTPConnection):
    """Speaks with the pod at one address, which shows the certificate of the Service."""

    def __init__(self, address: str, service: SplitResult) -> None:
        super().__init__(service.hostname or "", service.port, timeout=5)
        self.address = address
        self.secure = service.scheme == "https"

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.secure:
            context = ssl.create_default_context(cafile=existing("metrics-tls/ca.crt"))
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


def existing(name: str) -> Path | None:
    """A file below the mounted secrets, if it is there."""
    path = CREDENTIALS / name
    return path if path.is_file() else None


def pods(service: SplitResult) -> set[str]:
    """The addresses of the pods behind a headless Service."""
    return {str(found[4][0]) for found in socket.getaddrinfo(service.hostname, service.port, type=socket.SOCK_STREAM)}


def count(address: str, service: SplitResult) -> float:
    """Test alerts that the pod has counted; raises OSError or HTTPException where it cannot be read."""
    token = existing(f"metrics-auth/{os.environ.get('METRICS_TOKEN', '')}")
    headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token else {}
    connection = PodConnection(address, service)
    try:
        connection.request("GET", "/metrics", headers=headers)
        response = connection.getresponse()
        page = response.read().decode()
    finally:
        connection.close()
    if response.status != 200:
        raise OSError(f"/metrics answered {response.status}: {page[:200]}")
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "threat_falco_alerts_total" and sample.labels.get("rule") == RULE
    )


def counts(service: SplitResult) -> dict[str, float]:
    """Test alerts that each pod has counted; infinitely many where a pod cannot be read, so that it proves nothing."""
    found = {}
    for address in pods(service):
        try:
            found[address] = count(address, service)
        except (OSError, HTTPException) as error:
            print(f"{address}: {error}", file=sys.stderr)
            found[address] = math.inf
    return found


def send() -> int:
    """Sends the alert as `threatboard send-test` does, with the credentials that are mounted."""
    arguments = ["send-test", os.environ["INTAKE_URL"], "--priority", os.environ.get("PRIORITY", "notice")]
    arguments += ["--namespace", os.environ.get("NAMESPACE", "threatboard-test")]
    if authority := existing("intake-tls/ca.crt"):
        arguments += ["--ca-file", str(authority)]
    if token := existing(f"intake-auth/{os.environ.get('INTAKE_TOKEN', '')}"):
        arguments += ["--token-file", str(token)]
    certificate, key = existing("client-tls/tls.crt"), existing("client-tls/tls.key")
    if certificate and key:
        CLIENT.touch(mode=0o600)
        CLIENT.write_text(certificate.read_text() + key.read_text())
        arguments += ["--cert-file", str(CLIENT)]
    return main(arguments)


def run() -> int:
    """The whole test; its exit code."""
    service = urlsplit(os.environ["METRICS_URL"])
    before = counts(service)
    if send():
        return 1
    deadline = time.monotonic() + float(os.environ.get("TIMEOUT", "60"))
    unread: dict[str, Exception] = {}
    while time.monotonic() < deadline:
        for address in pods(service):
            try:
                if count(address, service) > before.get(address, 0):
                    print(f"The pod {address} has counted the test alert.")
                    return 0
            except (OSError, HTTPException) as error:
                unread[address] = error
        time.sleep(0.5)
    print(f"None of {', '.join(sorted(before)) or 'no pods'} has counted the test alert.", file=sys.stderr)
    for address, reason in unread.items():
        print(f"{address}: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(run())
