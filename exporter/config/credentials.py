"""Tokens and certificates: read from files, checked when read, never shown."""

import hmac
import ssl
import stat
from pathlib import Path
from typing import Never

MAX_TOKEN_BYTES = 4096
"""A longer token would not fit into a request's head beside everything else."""


class CredentialError(ValueError):
    """A token or certificate cannot be used; `problems` has a sentence without secrets for each setting at fault."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


class Secret:
    """Bytes that are compared in constant time and never shown by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def matches(self, candidate: bytes) -> bool:
        """True if `candidate` is the secret, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self._value, candidate)

    def sign(self, message: bytes) -> str:
        """HMAC-SHA256 of `message` under the secret, in hexadecimal."""
        return hmac.new(self._value, message, "sha256").hexdigest()

    def reveal(self) -> bytes:
        """The secret itself, for the request to whom it is for."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash(Secret)  # the same for all, because even a hash tells something

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: object) -> "Secret":
        return self


def readable(path: Path) -> str:
    """What keeps `path` from being read as a file, as a sentence; empty if nothing does."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return f"{path} is not a file"
        path.open("rb").close()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return ""


MIN_KEY_BYTES = 16


def read_key(path: Path) -> Secret:
    """The content of a key file, whatever its bytes, without one newline at its end. Raises CredentialError."""
    problem = readable(path)
    value = b""
    if not problem:
        with path.open("rb") as stream:
            value = stream.read(MAX_TOKEN_BYTES + 3).removesuffix(b"\n").removesuffix(b"\r")
        if len(value) < MIN_KEY_BYTES:
            problem = f"{path} holds less than {MIN_KEY_BYTES} bytes, which can be guessed"
        elif len(value) > MAX_TOKEN_BYTES:
            problem = f"{path} holds more than {MAX_TOKEN_BYTES} bytes, is it the right file?"
    if problem:
        raise CredentialError({"key_file": problem})
    return Secret(value)


def read_token(path: Path) -> Secret:
    """The content of a token file without one newline at its end. Raises CredentialError."""
    if problem := readable(path):
        raise CredentialError({"token_file": problem})
    with path.open("rb") as stream:
        value = stream.read(MAX_TOKEN_BYTES + 3)
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        problem = f"{path} is empty"
    elif len(value) > MAX_TOKEN_BYTES:
        problem = f"{path} holds more than {MAX_TOKEN_BYTES} bytes, is it the right file?"
    elif value != value.strip() or any(byte < 0x20 or byte == 0x7F for byte in value):
        problem = f"{path} holds line breaks, control characters or blanks at an end, which no request can send"
    if problem:
        raise CredentialError({"token_file": problem})
    return Secret(value)


def server_context(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """A context for a listener (TLS 1.2 or newer, HTTP/1.1), which asks for client certificates if `client_ca` is set.

    Raises CredentialError when a file is missing or is no PEM, when the certificate does not fit the key, and when no
    client could accept it (expired, not yet valid, not for servers).
    """
    files = {"cert_file": cert, "key_file": key, "client_ca_file": client_ca}
    problems = {name: readable(path) for name, path in files.items() if path is not None}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not any(problems.values()):
        problems = _load_pair(context, cert, key) or _handshake(context, cert)
        if client_ca is not None:
            problems |= _load_client_ca(context, client_ca)
    if problems := {name: problem for name, problem in problems.items() if problem}:
        raise CredentialError(problems)
    return context


def client_context(ca: Path) -> ssl.SSLContext:
    """A context that trusts who is signed by `ca` and nobody else; raises CredentialError."""
    if problem := readable(ca):
        raise CredentialError({"ca_file": problem})
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError:
        raise CredentialError({"ca_file": f"{ca} holds no usable PEM certificate"}) from None


def _load_client_ca(context: ssl.SSLContext, client_ca: Path) -> dict[str, str]:
    try:
        context.load_verify_locations(client_ca)
    except OSError:
        return {"client_ca_file": f"{client_ca} holds no usable PEM certificate"}
    context.verify_mode = ssl.CERT_REQUIRED
    return {}


def _load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> dict[str, str]:
    asked = False

    def passphrase() -> str:
        # Without this OpenSSL asks on the terminal and the program hangs.
        nonlocal asked
        asked = True
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cert)
    except OSError:
        return {"cert_file": f"{cert} holds no usable PEM certificate"}
    try:
        context.load_cert_chain(cert, key, passphrase)
    except OSError as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else None
        if asked:
            return {"key_file": f"{key} is encrypted: give a key without a passphrase"}
        if reason == "KEY_VALUES_MISMATCH":
            return {"key_file": f"{key} is not the key of the certificate in {cert}"}
        if reason and reason.endswith(("_TOO_SMALL", "_TOO_WEAK")):
            return {"cert_file": f"{cert} is too weak: {_words(reason)}"}
        return {"key_file": f"{key} holds no usable PEM private key"}
    return {}


def _words(reason: str | None) -> str:
    return str(reason).lower().replace("_", " ")


def _handshake(server: ssl.SSLContext, cert: Path) -> dict[str, str]:
    """Let a client that trusts exactly this certificate connect in memory: it refuses what no client would take."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cert)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return {"cert_file": f"{cert} would be refused by clients: {error.verify_message}"}
            except ssl.SSLError as error:
                return {"cert_file": f"{cert} cannot be used: {_words(error.reason)}"}
    return {}
