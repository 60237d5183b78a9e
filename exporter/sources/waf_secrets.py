"""What may be shown of a request that a WAF recorded: an attacker's payload, shortened, and nobody's secrets.

A record may hold cookies, credentials and whole bodies. Only the path, the query and the one value in which a rule
found something are ever looked at here. Of these is left out what goes by the name of a secret, or may hold one that
does, percent-encoded up to four times; and every name that is not plain, for a body sent in the wrong form becomes
the name of a parameter. A secret that is alone and has no name cannot be told from a word, unless it is JSON in base64.
"""

import re
from functools import lru_cache
from urllib.parse import unquote_plus

MAX_URI = 256
MAX_DATA = 128

HIDDEN = "***"

_WITHIN_WORDS = (
    "pass|pwd|secret|token|auth|sess|cred|cookie|jwt|signature|otp|key|card|cvv|cvc|iban|ssn|assertion|saml|ticket|bearer"
    "|secur|refresh|hash"
)
_WHOLE_WORDS = "pw|sid|sig|pin|code|state|mfa"
# Two expressions, and text that was folded before: one that knew both and ignored case costs five times as much.
_SECRET = re.compile(_WITHIN_WORDS)
_SECRET_WORD = re.compile(rf"\b(?:{_WHOLE_WORDS})\b")
# Behind a secret's name, whatever quotes and brackets there are, the sign that a value follows.
_FOLLOWS = r"[\w\s\"'\\\].-]{0,64}[=:>]"
_HOLDS_SECRET = re.compile(f"(?:{_WITHIN_WORDS}){_FOLLOWS}")
_HOLDS_SECRET_WORD = re.compile(rf"\b(?:{_WHOLE_WORDS})\b{_FOLLOWS}")
_SCHEME = re.compile(r"\b(?:bearer|basic)\s")
"""A scheme of the header Authorization, before what proves who asks."""
_ENCODED = re.compile(r"eyj[a-z0-9]{5}")
"""How an object of JSON begins in base64, and with it every JSON Web Token."""
_WHO_ASKS = re.compile(r"//[^/]*@|^[^/]*:[^/]*@")
_DECODINGS = 4
_ODD = re.compile("[;%:@]")
_PLAIN = re.compile(r"[\w.\[\]-]{1,64}")
_COLLECTION = re.compile(r"[A-Z_]{1,64}")
_SHOWN = ("ARGS", "ARGS_GET", "REQUEST_FILENAME", "REQUEST_BASENAME", "REQUEST_METHOD")
_AGENT = "request_headers:user-agent"
_WITHIN = " found within "
_MATCHED = "Matched Data: "


def _decoded(text: str) -> str:
    for _ in range(_DECODINGS):
        if "%" not in text and "+" not in text:
            break
        text = unquote_plus(text)
    return text


def _words(text: str) -> str:
    """A text as its words are looked for: decoded, in one case, and without the signs that join them."""
    return _decoded(text).casefold().replace("_", " ").replace("-", " ")


@lru_cache(maxsize=2048)
def is_secret(name: str) -> bool:
    """Is this the name of a secret?"""
    return _names_secret(_words(name))


def _names_secret(words: str) -> bool:
    return _SECRET.search(words) is not None or _SECRET_WORD.search(words) is not None


def _holds_secret(text: str) -> bool:
    """May a text name a secret and say it?"""
    words = _words(text)
    follows = "=" in words or ":" in words or ">" in words
    if follows and (_HOLDS_SECRET.search(words) or _HOLDS_SECRET_WORD.search(words)):
        return True
    if "@" in words and _WHO_ASKS.search(words):
        return True
    if _ENCODED.search(words):
        return True
    return ("bearer" in words or "basic" in words) and _SCHEME.search(words) is not None


def uri(sent: str) -> str:
    """A request's target as it was sent, without what may be a secret; at most `MAX_URI` characters."""
    path, mark, query = sent.partition("?")
    shown = _path(path) + mark + "&".join(map(_parameter, query.split("&"))) if mark else _path(path)
    return shown if len(shown) <= MAX_URI else shown[: MAX_URI - 1] + "…"


def _path(path: str) -> str:
    """A path whose segments may hold parameters of their own, a query that is encoded, or what the last one names."""
    words = _words(path)
    if not _ODD.search(path) and not _names_secret(words) and not _ENCODED.search(words):
        return path  # nearly always
    scheme, found, rest = path.partition("://")
    if not found:
        scheme, rest = "", path
    shown: list[str] = []
    before = ""  # the last segment that is not empty: proxies make one of several slashes
    for at, segment in enumerate(rest.split("/")):
        sent, parameters, _ = segment.partition(";")
        decoded = _decoded(sent)
        name = sent
        if "@" in decoded:  # who asks, before an address
            name = HIDDEN if at or not found else sent.rpartition("@")[2]
        elif "?" in decoded or _holds_secret(sent) or (sent and is_secret(f"{before}/{decoded.rpartition('/')[0]}")):
            name = HIDDEN
        shown.append(f"{name};{HIDDEN}" if parameters else name)
        before = sent or before
    return scheme + found + "/".join(shown)


def _parameter(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals or not _is_plain(name):
        return HIDDEN if pair else pair
    return f"{name}={HIDDEN}" if is_secret(name) or _holds_secret(value) else pair


def _is_plain(name: str) -> bool:
    return len(name) <= 3 * 64 and _PLAIN.fullmatch(_decoded(name)) is not None


def variable(data: str) -> str:
    """Where a rule found something, such as `ARGS:id`, from the CRS's `Matched Data: X found within ARGS:id: Y`."""
    return data.partition(_WITHIN)[2].partition(": ")[0]


def shown_variable(data: str) -> str:
    """The same for people: without a name that is not plain, for it may be a whole body."""
    collection, colon, name = variable(data).partition(":")
    if not _COLLECTION.fullmatch(collection):
        return HIDDEN if collection else ""
    return f"{collection}:{name if _is_plain(name) else HIDDEN}" if colon else collection


def matched(data: str) -> str:
    """The text that a rule found, at most `MAX_DATA` characters; empty where it may be a secret.

    `data` is the client's as well and may name other variables than the true one: all of them must be harmless.
    """
    text, *rest = data.split(_WITHIN)
    if not rest or not text.startswith(_MATCHED) or not all(_is_shown(part.partition(": ")[0]) for part in rest):
        return ""
    text = text[len(_MATCHED) :]
    if _holds_secret(text):
        return ""
    return text if len(text) <= MAX_DATA else text[: MAX_DATA - 1] + "…"


def _is_shown(name: str) -> bool:
    """May the value of this variable be shown?"""
    if name.lower() == _AGENT:
        return True
    collection, colon, key = name.partition(":")
    return collection in _SHOWN and (not colon or (_is_plain(key) and not is_secret(key)))
