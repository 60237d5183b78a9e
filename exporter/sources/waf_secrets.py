"""What may be shown of a request that a WAF recorded: an attacker's payload, shortened, and nobody's secrets.

A record may hold cookies, credentials and whole bodies. Only the path, the query and the one value in which a rule
found something are ever looked at here; of these, what goes by the name of a secret is left out.
"""

import re
from functools import lru_cache
from urllib.parse import unquote_plus

MAX_URI = 256
MAX_DATA = 128

HIDDEN = "***"

_SECRET = re.compile(
    r"pass|pwd|\bpw\b|secret|token|auth|sess|\bsid\b|cred|cookie|jwt|sign?ature|\bsig\b|otp|\bpin\b|key|card|cvv|cvc|iban|ssn"
    r"|\bcode\b|\bstate\b|assertion|saml",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"(?:ARGS(?:_GET|_NAMES|_GET_NAMES|_POST_NAMES)?(?::.*)?|REQUEST_FILENAME|REQUEST_BASENAME|REQUEST_METHOD|REQUEST_HEADERS:user-agent)",
    re.IGNORECASE,
)
_WITHIN = " found within "
_MATCHED = "Matched Data: "
_MAX_NAME = 128
_USERINFO = re.compile(r"//[^/?#]*@")


@lru_cache(maxsize=2048)
def is_secret(name: str) -> bool:
    """Does a parameter of this name hold a secret? Also where the name is percent-encoded, once or twice."""
    if "%" in name or "+" in name:
        name = unquote_plus(unquote_plus(name))
    return _SECRET.search(name.replace("_", " ").replace("-", " ")) is not None


def uri(sent: str) -> str:
    """A request's target as it was sent, the values of secret parameters left out; at most `MAX_URI` characters."""
    path, mark, query = sent.partition("?")
    shown = _USERINFO.sub("//", path, count=1)
    if mark:
        shown += mark + "&".join(map(_parameter, query.replace(";", "&").split("&")))
    return shown if len(shown) <= MAX_URI else shown[: MAX_URI - 1] + "…"


def _parameter(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return name + equals + HIDDEN if equals and (len(name) > _MAX_NAME or is_secret(name)) else pair


def variable(data: str) -> str:
    """Where a rule found something, such as `ARGS:id`, from the CRS's `Matched Data: X found within ARGS:id: Y`."""
    return data.partition(_WITHIN)[2].partition(": ")[0]


def matched(data: str) -> str:
    """The text that a rule found, at most `MAX_DATA` characters; empty where it may be a secret.

    `data` is the client's as well and may name other variables than the true one: all of them must be harmless.
    """
    text, *rest = data.split(_WITHIN)
    if not rest or not text.startswith(_MATCHED) or not all(_is_shown(part.partition(": ")[0]) for part in rest):
        return ""
    text = text[len(_MATCHED) :]
    return text if len(text) <= MAX_DATA else text[: MAX_DATA - 1] + "…"


def _is_shown(name: str) -> bool:
    return len(name) <= _MAX_NAME and _is_harmless(name)


@lru_cache(maxsize=2048)
def _is_harmless(name: str) -> bool:
    return _SHOWN.fullmatch(name) is not None and not is_secret(name)
