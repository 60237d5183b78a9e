"""TLS on both listeners: who is let in, and certificates, keys and CAs that change while events come in."""

import http.client
import json
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.support.receiver import PATIENCE, Receiver, alert, read_answer, receiver

BODY = json.dumps(alert()).encode()


class Files:
    """The certificate files of a receiver in one folder, and the CAs that signed them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server_ca, self.client_ca = trustme.CA(), trustme.CA()
        self.write_pair()
        self.write_client_ca()

    def write_pair(self) -> None:
        """A new server certificate by the present server CA, and its key."""
        cert = self.server_ca.issue_cert("localhost", "127.0.0.1")
        self.put("server.pem", b"".join(blob.bytes() for blob in cert.cert_chain_pems))
        self.put("server.key", cert.private_key_pem.bytes())

    def write_client_ca(self) -> None:
        self.put("clients.pem", self.client_ca.cert_pem.bytes())

    def put(self, name: str, content: bytes) -> None:
        """As a Secret is swapped: whole."""
        fresh = self.folder / ".fresh"
        fresh.write_bytes(content)
        fresh.replace(self.folder / name)

    def client(
        self, signed_by: trustme.CA | None = None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> ssl.SSLContext:
        """A client that trusts the present server CA, with a certificate by this CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = version
        self.server_ca.configure_trust(context)
        if signed_by is not None:
            signed_by.issue_cert("falco@node-1").configure_cert(context)
        return context


PAIR = {"cert_file": "server.pem", "key_file": "server.key"}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def mutual(files: Files) -> Iterator[Receiver]:
    """A receiver that asks senders for a certificate, and shows its metrics without TLS."""
    tls = PAIR | {"client_ca_file": "clients.pem"}
    with receiver(files.folder, intake={"tls": tls, "head_timeout": "1s"}, events={"log": False}) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receiver, Files]]:
    """A receiver with TLS on both listeners that asks nobody for a certificate."""
    files = Files(tmp_path_factory.mktemp("tls"))
    intake = {"tls": PAIR, "head_timeout": "1s"}
    with receiver(files.folder, intake=intake, metrics={"tls": PAIR}, events={"log": False}) as running:
        yield running, files
        assert "Traceback" not in running.log.read_text()


@contextmanager
def connected(port: int, context: ssl.SSLContext) -> Iterator[http.client.HTTPSConnection]:
    connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
    try:
        yield connection
    finally:
        connection.close()


def ask(
    connection: http.client.HTTPSConnection, method: str = "POST", path: str = "/falco", body: bytes | None = BODY
) -> tuple[int, bytes]:
    connection.request(method, path, body)
    response = connection.getresponse()
    return response.status, response.read()


def post(running: Receiver, context: ssl.SSLContext) -> int:
    with connected(running.intake, context) as connection:
        return ask(connection)[0]


def is_refused(running: Receiver, context: ssl.SSLContext) -> bool:
    try:
        post(running, context)
    except (ssl.SSLError, ConnectionError):  # TLS 1.3: the client learns of it after its first bytes
        return True
    return False


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def reload(running: Receiver) -> None:
    """At once, where what is tested is not that the change of a file is seen."""
    running.process.send_signal(signal.SIGHUP)


def reload_success(running: Receiver) -> float:
    return running.value("threat_config_reload_success")


def test_events_are_taken_and_metrics_shown_over_tls(plain: tuple[Receiver, Files]) -> None:
    running, files = plain
    assert post(running, files.client()) == 204
    with connected(running.show, files.client()) as connection:
        status, page = ask(connection, "GET", "/metrics", None)
        assert status == 200
        assert b'threat_events_accepted_total{control="ids"} 1.0' in page
        assert ask(connection, "GET", "/api/v1/events", None)[0] == 200  # the peer's address is known under TLS too


def test_an_unknown_server_is_not_trusted(plain: tuple[Receiver, Files]) -> None:
    """The certificate is the configured one: who trusts another CA refuses it."""
    running, _ = plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trustme.CA().configure_trust(context)
    with pytest.raises(ssl.SSLCertVerificationError):
        post(running, context)


def test_old_tls_versions_are_refused(plain: tuple[Receiver, Files]) -> None:
    running, files = plain
    context = files.client()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    assert is_refused(running, context)


def test_only_clients_of_the_ca_may_send(mutual: Receiver, files: Files) -> None:
    assert is_refused(mutual, files.client())
    assert is_refused(mutual, files.client(trustme.CA()))
    assert post(mutual, files.client(files.client_ca)) == 204


def test_clients_with_certificates_speak_tls_1_3(mutual: Receiver, files: Files) -> None:
    """TLS 1.2 keeps sessions on this side, which are a way round the CA for as long as the first connection is open."""
    assert is_refused(mutual, files.client(files.client_ca, ssl.TLSVersion.TLSv1_2))


def test_the_probes_need_no_client_certificate(mutual: Receiver) -> None:
    """The kubelet has none."""
    assert mutual.get("/readyz")[0] == 200


def test_a_new_server_certificate_is_taken_into_use_while_connections_stay_open(mutual: Receiver, files: Files) -> None:
    old = files.client(files.client_ca)
    with connected(mutual.intake, old) as connection:
        assert ask(connection)[0] == 204
        files.server_ca = trustme.CA()
        files.write_pair()
        new = files.client(files.client_ca)
        until(lambda: not is_refused(mutual, new))

        assert ask(connection)[0] == 204  # the connection from before
        assert is_refused(mutual, old)  # who trusts only the old server CA


def test_a_new_client_ca_shuts_out_clients_of_the_old_one(mutual: Receiver, files: Files) -> None:
    old = files.client(files.client_ca)
    with connected(mutual.intake, old) as connection:
        assert ask(connection)[0] == 204
        files.client_ca = trustme.CA()
        files.write_client_ca()
        reload(mutual)
        new = files.client(files.client_ca)
        until(lambda: not is_refused(mutual, new))

        with pytest.raises((OSError, http.client.HTTPException)):  # ended, for its CA is gone
            ask(connection)
        assert is_refused(mutual, old)
    assert reload_success(mutual) == 1


def test_a_session_is_no_way_round_the_new_client_ca(mutual: Receiver, files: Files) -> None:
    """A resumed session asks for no certificate: a client of the old CA could come back with its ticket."""
    old = files.client(files.client_ca)
    session, resumed = exchange_with_session(mutual, old, None)
    assert not resumed
    session, resumed = exchange_with_session(mutual, old, session)
    assert not resumed
    files.client_ca = trustme.CA()
    files.write_client_ca()
    reload(mutual)
    until(lambda: not is_refused(mutual, files.client(files.client_ca)))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        exchange_with_session(mutual, old, session)


def exchange_with_session(
    running: Receiver, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """One request that resumes a session if it can; the session for the next, and whether this one was resumed."""
    with (
        socket.create_connection(("127.0.0.1", running.intake), PATIENCE) as tcp,
        context.wrap_socket(tcp, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(b"POST /falco HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
        if not connection.recv(65536).startswith(b"HTTP/1.1 204"):
            raise ConnectionError
        return connection.session, bool(connection.session_reused)


def test_a_pair_that_is_half_rotated_is_refused_until_it_is_whole(mutual: Receiver, files: Files) -> None:
    client = files.client(files.client_ca)
    cert = files.server_ca.issue_cert("localhost")
    files.put("server.pem", b"".join(blob.bytes() for blob in cert.cert_chain_pems))
    reload(mutual)
    until(lambda: reload_success(mutual) == 0)

    assert post(mutual, client) == 204
    assert "server.key is not the key of the certificate in" in mutual.log.read_text()

    files.put("server.key", cert.private_key_pem.bytes())
    reload(mutual)
    until(lambda: reload_success(mutual) == 1)
    assert post(mutual, client) == 204


def test_plain_http_to_a_tls_port_does_no_harm(plain: tuple[Receiver, Files]) -> None:
    running, files = plain
    for port in (running.intake, running.show):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP" not in read_to_the_end(connection)
    assert post(running, files.client()) == 204
    running.wait_for_log(r"refused \(tls_plain_http\) from 127\.0\.0\.1: it speaks plain HTTP")


def test_tls_to_a_plain_port_does_no_harm(mutual: Receiver, files: Files) -> None:
    with (
        connected(mutual.show, files.client()) as connection,
        pytest.raises(ssl.SSLError),
    ):
        ask(connection, "GET", "/metrics", None)
    assert mutual.get("/healthz")[0] == 200


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"], ids=["nothing", "half-a-hello"])
def test_a_handshake_that_never_ends_is_closed(plain: tuple[Receiver, Files], sent: bytes) -> None:
    running, files = plain
    start = time.monotonic()
    with running.connect() as intake, running.connect(show=True) as show:
        for connection in (intake, show):
            connection.sendall(sent)
        for connection in (intake, show):
            assert read_to_the_end(connection) == b""
            assert time.monotonic() - start > 0.9
    assert post(running, files.client()) == 204


def read_to_the_end(connection: socket.socket) -> bytes:
    try:
        return read_answer(connection)
    except ConnectionResetError:
        return b""
