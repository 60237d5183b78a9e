"""TLS as Falco meets it: libcurl with falco.yaml's options, and what is left of each way to set them wrong.

Falco loses every alert whose handshake fails and says so only in its own log, so the receiver has to say it, too.
"""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from tests.support.falco_client import HttpOutput
from tests.support.receiver import PATIENCE, Receiver, alert, receiver

BODY = json.dumps(alert()).encode()


@dataclass
class Certificates:
    """What a cluster has: two CAs, a server's certificate and senders' ones, as files."""

    folder: Path
    server_ca: trustme.CA = field(default_factory=trustme.CA)
    client_ca: trustme.CA = field(default_factory=trustme.CA)

    def write(self, name: str, *blobs: trustme.Blob) -> Path:
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return path

    def ca(self, name: str, ca: trustme.CA) -> Path:
        return self.write(f"{name}-ca.pem", ca.cert_pem)

    def pair(self, name: str, cert: trustme.LeafCert) -> tuple[Path, Path]:
        """`client_cert` and `client_key` of falco.yaml, or the server's."""
        return self.write(f"{name}.pem", *cert.cert_chain_pems), self.write(f"{name}.key", cert.private_key_pem)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def listening(
    certificates: Certificates, folder: Path, server: trustme.LeafCert, *, mutual: bool
) -> Iterator[Receiver]:
    cert, key = certificates.pair("server", server)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    if mutual:
        tls["client_ca_file"] = str(certificates.ca("clients", certificates.client_ca))
    (folder / "token").write_text("s3cr3t-token")
    auth = {} if mutual else {"auth": {"token_file": "token"}}
    with receiver(folder, intake={"tls": tls, "head_timeout": "2s", **auth}, events={"log": False}) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture(scope="module")
def mutual(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    server = certificates.server_ca.issue_cert("localhost")
    with listening(certificates, tmp_path_factory.mktemp("mutual"), server, mutual=True) as running:
        yield running


@pytest.fixture(scope="module")
def one_way(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    server = certificates.server_ca.issue_cert("localhost")
    with listening(certificates, tmp_path_factory.mktemp("one-way"), server, mutual=False) as running:
        yield running


def rejected(running: Receiver, reason: str) -> float:
    return running.value("threat_events_rejected_total", reason=reason)


def assert_told(running: Receiver, reason: str, before: float, sentence: str) -> None:
    """The failure is counted and, the first of its reason, in the log with the address and the sentence that helps."""
    deadline = time.monotonic() + PATIENCE
    while rejected(running, reason) == before:
        assert time.monotonic() < deadline, f"{reason} was not counted"
        time.sleep(0.05)
    running.wait_for_log(rf"refused \({reason}\) from 127\.0\.0\.1: .*{sentence}")


def test_falco_with_mtls_sends_all_on_one_connection(mutual: Receiver, certificates: Certificates) -> None:
    falco = certificates.pair("falco", certificates.client_ca.issue_cert("falco@node-1"))
    trusted = certificates.ca("server", certificates.server_ca)
    accepted = mutual.value("threat_events_accepted_total", control="ids")

    with HttpOutput(f"https://localhost:{mutual.intake}/falco", mtls=falco, ca_cert=trusted, keep_alive=True) as output:
        for _ in range(5):
            assert (output.send(BODY), output.status) == ("", 204)

    assert output.connections == 1
    assert mutual.value("threat_events_accepted_total", control="ids") == accepted + 5


@pytest.mark.parametrize("insecure", [False, True])
@pytest.mark.parametrize("compress_uploads", [False, True])
def test_falcos_other_options_change_nothing(
    one_way: Receiver, certificates: Certificates, insecure: bool, compress_uploads: bool
) -> None:
    """Credentials of the URL become Basic, the only ones that Falco can send."""
    trusted = None if insecure else certificates.ca("server", certificates.server_ca)
    url = f"https://falco:s3cr3t-token@localhost:{one_way.intake}/falco?cluster=prod"

    with HttpOutput(url, ca_cert=trusted, insecure=insecure, compress_uploads=compress_uploads) as output:
        assert (output.send(BODY), output.status) == ("", 204)


def test_wrong_credentials_over_tls_are_told(one_way: Receiver, certificates: Certificates) -> None:
    before = rejected(one_way, "unauthorized")
    trusted = certificates.ca("server", certificates.server_ca)
    with HttpOutput(f"https://falco:wrong@localhost:{one_way.intake}/falco", ca_cert=trusted) as output:
        assert (output.send(BODY), output.status) == ("", 401)  # for Falco that is a success
    assert_told(one_way, "unauthorized", before, "send the token of intake.auth")


def test_a_sender_without_a_certificate_is_told(mutual: Receiver, certificates: Certificates) -> None:
    before = rejected(mutual, "tls_no_certificate")
    trusted = certificates.ca("server", certificates.server_ca)
    with HttpOutput(f"https://localhost:{mutual.intake}/falco", ca_cert=trusted) as output:
        assert output.send(BODY)
    assert_told(mutual, "tls_no_certificate", before, "it sent no client certificate; give it one that is signed by")


@pytest.mark.parametrize("fault", ["of another CA", "expired"])
def test_a_sender_with_a_certificate_that_is_not_taken_is_told(
    mutual: Receiver, certificates: Certificates, fault: str
) -> None:
    before = rejected(mutual, "tls_bad_certificate")
    ca = trustme.CA() if fault == "of another CA" else certificates.client_ca
    ended = datetime(2020, 1, 1, tzinfo=UTC) if fault == "expired" else None
    foreign = certificates.pair("foreign", ca.issue_cert("falco@node-1", not_after=ended))
    trusted = certificates.ca("server", certificates.server_ca)
    with HttpOutput(f"https://localhost:{mutual.intake}/falco", mtls=foreign, ca_cert=trusted) as output:
        assert output.send(BODY)
    assert_told(mutual, "tls_bad_certificate", before, r"client_ca_file, or not valid now: \w+")


@pytest.mark.parametrize("running", ["mutual", "one_way"])
def test_plain_http_to_a_port_with_tls_is_told(running: str, request: pytest.FixtureRequest) -> None:
    subject: Receiver = request.getfixturevalue(running)
    before = rejected(subject, "tls_plain_http")
    with HttpOutput(f"http://localhost:{subject.intake}/falco") as output:
        assert output.send(BODY)
    assert_told(
        subject, "tls_plain_http", before, "plain HTTP to a port with TLS; give it a URL that begins with https"
    )


METHODS = ("GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE", "PRI")


@pytest.mark.parametrize("sent", [*(f"{method} / HTTP/1.1\r\n\r\n" for method in METHODS), '{"rule": "x"}\n', "<14>x"])
def test_whatever_is_not_tls_is_counted_as_that(one_way: Receiver, sent: str) -> None:
    before = rejected(one_way, "tls_plain_http")
    with socket.create_connection(("127.0.0.1", one_way.intake), PATIENCE) as connection:
        connection.sendall(sent.encode())
        assert connection.recv(100) == b""
    deadline = time.monotonic() + PATIENCE
    while rejected(one_way, "tls_plain_http") == before:
        assert time.monotonic() < deadline, "it left no trace as what it is"
        time.sleep(0.05)


def test_a_sender_that_does_not_know_the_ca_is_told(one_way: Receiver) -> None:
    """Older libcurl, as Falco's, looks for the CA in the handshake, and says so there."""
    before = rejected(one_way, "tls_untrusted")
    stranger = ssl.create_default_context()
    trustme.CA().configure_trust(stranger)
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.wrap_socket(one_way.connect(), server_hostname="localhost")
    assert_told(one_way, "tls_untrusted", before, "it does not trust our certificate; give it the CA")


@pytest.mark.parametrize("running", ["mutual", "one_way"])
def test_a_sender_that_looks_for_the_ca_after_the_handshake_is_told(
    running: str, certificates: Certificates, request: pytest.FixtureRequest
) -> None:
    """As newer libcurl does; then nothing is wrong with the handshake."""
    subject: Receiver = request.getfixturevalue(running)
    before = rejected(subject, "tls_no_request")
    falco = certificates.pair("falco", certificates.client_ca.issue_cert("falco@node-1"))
    unknown = certificates.ca("unknown", trustme.CA())
    with HttpOutput(f"https://localhost:{subject.intake}/falco", mtls=falco, ca_cert=unknown) as output:
        assert "certificate" in output.send(BODY)
    assert_told(subject, "tls_no_request", before, "without a request; a sender that does so refuses our certificate")


def test_a_sender_that_expects_another_name_is_told(one_way: Receiver, certificates: Certificates) -> None:
    """The commonest fault: the certificate is for another Service. Names are compared after the handshake."""
    before = rejected(one_way, "tls_no_request")
    trusted = certificates.ca("server", certificates.server_ca)
    with HttpOutput(f"https://127.0.0.1:{one_way.intake}/falco", ca_cert=trusted) as output:
        assert "subject name" in output.send(BODY)
    assert_told(one_way, "tls_no_request", before, "that the name in its URL is in tls.cert_file")


def test_only_a_client_that_leaves_without_a_word_is_told_of(certificates: Certificates, tmp_path: Path) -> None:
    """Not one that had its answer, not one that is sent away when it is idle, and none when the receiver ends."""
    server = certificates.server_ca.issue_cert("localhost")
    context = ssl.create_default_context()
    certificates.server_ca.configure_trust(context)
    with listening(certificates, tmp_path, server, mutual=False) as running:

        def connected() -> ssl.SSLSocket:
            return context.wrap_socket(running.connect(), server_hostname="localhost")

        post = b"POST /falco HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cr3t-token\r\n"
        post += b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
        for request in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", post):
            for _ in range(3):  # the second time its head is known
                with connected() as connection:
                    connection.sendall(request)
                    assert connection.recv(65536).startswith(b"HTTP/1.1 ")
        with connected() as connection:
            connection.sendall(b"POST /fal")
        with connected() as idle:
            idle.settimeout(PATIENCE)
            assert idle.recv(1) == b""
        with connected():
            assert running.stop() == 0
        assert "tls_no_request" not in running.log.read_text()


def test_tls_to_a_port_without_tls_is_told(tmp_path: Path) -> None:
    """The other way round: https in falco.yaml, and a receiver without intake.tls."""
    with receiver(tmp_path, events={"log": False}) as running:
        with HttpOutput(f"https://localhost:{running.intake}/falco", insecure=True) as output:
            assert output.send(BODY)
        assert_told(running, "malformed_http", 0, "it speaks TLS to a port without TLS; give it a URL that begins with")


def test_a_sender_that_keeps_failing_does_not_fill_the_log(mutual: Receiver) -> None:
    before = rejected(mutual, "tls_plain_http")
    with HttpOutput(f"http://localhost:{mutual.intake}/falco") as output:
        for _ in range(20):
            assert output.send(BODY)
    deadline = time.monotonic() + PATIENCE
    while rejected(mutual, "tls_plain_http") < before + 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert mutual.log.read_text().count("refused (tls_plain_http)") < 5
