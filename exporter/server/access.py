"""Who may do what: credentials, and the rule for pages that show attackers' text."""

import base64
import binascii
import ipaddress
import re

from exporter.config.credentials import Secret
from exporter.server.http import Request

CHALLENGE = (b"www-authenticate", b'Bearer realm="threatboard", Basic realm="threatboard", charset="UTF-8"')

_FORWARDED = (b"forwarded", b"via")
_FORWARDED_PREFIXES = (b"x-forwarded-", b"x-envoy-")
_LOCAL_HOST = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.IGNORECASE)


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

    A mesh sidecar also connects from loopback, and a browser can be lured to by DNS rebinding: hence no header that a
    proxy adds, and a Host that is this machine's.
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # how a dual-stack socket shows 127.0.0.1
    if str(address) not in ("127.0.0.1", "::1"):
        return False
    if any(name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES) for name, _ in request.headers):
        return False
    hosts = [value for name, value in request.headers if name == b"host"]
    return len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None
