"""Who may do what: credentials, and the rule for pages that show attackers' text."""

import base64
import binascii
import ipaddress
import re

from exporter.config.credentials import Secret
from exporter.server.http import Request

CHALLENGE = (b"www-authenticate", b'Bearer realm="threatboard", Basic realm="threatboard", charset="UTF-8"')

_LOCAL_HOST = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.IGNORECASE)
_LOCAL_PAGE = re.compile(rb"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:/.*)?", re.IGNORECASE)

_ANYTHING = re.compile(rb".*", re.DOTALL)
_OWN_SITE = re.compile(rb"none|same-origin")

_PLAIN_HEADERS = (
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"authorization",  # a browser sends for localhost what another program there once asked it for
    b"cache-control",
    b"connection",
    b"content-length",
    b"cookie",  # a browser sends those of every port of localhost
    b"dnt",
    b"if-modified-since",
    b"if-none-match",
    b"keep-alive",
    b"pragma",
    b"priority",
    b"sec-ch-ua",
    b"sec-ch-ua-mobile",
    b"sec-ch-ua-platform",
    b"sec-fetch-dest",
    b"sec-fetch-mode",
    b"sec-fetch-user",
    b"sec-gpc",
    b"te",
    b"upgrade-insecure-requests",
    b"user-agent",
)

_LOCAL_HEADERS = dict.fromkeys(_PLAIN_HEADERS, _ANYTHING) | {
    b"host": _LOCAL_HOST,
    b"origin": _LOCAL_PAGE,
    b"referer": _LOCAL_PAGE,
    b"sec-fetch-site": _OWN_SITE,
}
"""What curl and browsers send to a page of this machine, and what it must be. Whatever else comes was sent by another
program or added on the way."""


def has_token(request: Request, token: Secret) -> bool:
    """True if the request presents the token: as Bearer, or as the password of Basic with any user name."""
    scheme, _, value = request.header(b"authorization").partition(b" ")
    match scheme.lower():
        case b"bearer":
            presented = value.strip()
        case b"basic":
            presented = _password(value)
        case _:
            return False
    return token.matches(presented)


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def is_local(peer: str, request: Request) -> bool:
    """True for a person on this machine, as through `kubectl port-forward`.

    A mesh sidecar or another proxy also connects from loopback, and a browser can be lured to by DNS rebinding or from
    another site: so the request must be one that curl or a browser makes by itself, and its Host this machine's.
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # how a dual-stack socket shows 127.0.0.1
    if str(address) not in ("127.0.0.1", "::1"):
        return False
    if request.version != "1.1":  # proxies speak 1.0 to what is behind them, browsers and curl do not
        return False
    names = [name for name, _ in request.headers]
    return names.count(b"host") == 1 and all(
        (allowed := _LOCAL_HEADERS.get(name)) is not None and allowed.fullmatch(value)
        for name, value in request.headers
    )
