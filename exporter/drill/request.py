"""The request of a drill that a WAF must stop, and what the answer to it says.

A refusal of ModSecurity and Coraza is 403, what `deny` answers unless a rule says otherwise, or 406; those are also the
refusals that the receiver takes for a WAF's where a record does not say (`exporter/sources/waf_verdict.py`).
"""

import http.client
import socket
import ssl
import threading
from contextlib import closing, suppress
from urllib.parse import quote, urlsplit

ATTACK = f"q={quote('<script>alert(1)</script>', safe='()')}"
"""A query in which every rule set finds cross-site scripting, and which does nothing to a page that is not there."""

ANSWERS_WITHIN = 10.0

_REFUSED = (403, 406)
_NOT_THERE = (404, 405, 410)
"""What an application says of a page that it has not: the request came through to it."""

_UNCLEAR = {
    400: "the server cannot read the request; is this its port, with TLS where it has TLS",
    401: "it asks who is there first; give a page that needs no log-in",
    407: "a proxy asks who is there first; give an address that is reached without one",
    429: "it limits how often it is asked; that is not the WAF's rules",
    502: "what is behind the proxy does not answer; mend that first",
    503: "what is behind the proxy does not answer; mend that first",
    504: "what is behind the proxy does not answer; mend that first",
}
_REDIRECTED = "it leads elsewhere; give the page that it leads to"
_OTHER = "neither a page nor the refusal of a WAF; let the WAF refuse with 403, as the OWASP Core Rule Set does"


class NoAnswerError(Exception):
    """There was no answer in HTTP; the message says why."""


def is_refused(status: int) -> bool:
    """Is this the answer of a WAF that blocks?"""
    return status in _REFUSED


def unclear(status: int) -> str | None:
    """Why a status says nothing of the WAF, and what to do; None if it says that it refused, or let through."""
    if status in (*_REFUSED, *_NOT_THERE) or 200 <= status < 300:
        return None
    return _UNCLEAR.get(status, _REDIRECTED if 300 <= status < 400 else _OTHER)


def status(url: str, mark: str) -> int:
    """Attacks a page below this one, called as the mark; the status of the answer, of which no more is read."""
    parts = urlsplit(url)
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~").rstrip("/")
    try:
        assert parts.hostname is not None
        if parts.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=ANSWERS_WITHIN, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ANSWERS_WITHIN)
        with closing(connection):
            return _ask(connection, f"{path}/{mark}?{ATTACK}")
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise NoAnswerError(_words(error)) from None


def _ask(connection: http.client.HTTPConnection, target: str) -> int:
    connection.connect()
    # Each read has a time-out of its own, and who sends a byte a second would keep us.
    end = threading.Timer(ANSWERS_WITHIN, _hang_up, (connection.sock,))
    end.daemon = True
    end.start()
    try:
        connection.request("GET", target, headers={"Accept": "*/*", "User-Agent": "threatboard-drill"})
        return connection.getresponse().status
    finally:
        end.cancel()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # that of TLS is not for another thread


def _words(error: Exception) -> str:
    match error:
        case ConnectionRefusedError():
            return "nobody listens there"
        case socket.gaierror() | UnicodeError():
            return "its name is not known here"
        case TimeoutError():
            return f"nothing came within {ANSWERS_WITHIN:g}s; a network policy may drop it"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}); name its CA's file in SSL_CERT_FILE"
        case ssl.SSLError():
            return f"TLS failed ({error.reason}); is it plain http there"
        case ConnectionError() | http.client.HTTPException():
            return f"it ended the connection, did not speak HTTP, or took longer than {ANSWERS_WITHIN:g}s"
        case _:
            return str(error)
