"""Alertmanager's API, version 2: the two lists of alerts and silences, and since when it runs.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from sys import intern
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, NewConnectionError, SSLError

from exporter.config.credentials import Secret
from exporter.pollers.alertmanager.episodes import Alert
from exporter.pollers.alertmanager.silences import Silence, read, timestamp

NOT_COUNTED = "PlatformWatchdog|Kpi.*"
"""The watchdog always fires, and nobody is to acknowledge it; an alert about figures that was in them would not end."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
"""Until a first byte, and for the whole of an answer after it."""

MAX_BYTES = 32 << 20
"""Longest list that is read: over ten thousand alerts."""

MAX_SINGLE = 200
"""Silences that are asked for one by one where the list cannot be had."""

_OURS = (("filter", 'control=~".+"'), ("filter", f'alertname!~"{NOT_COUNTED}"'))


class Settings(NamedTuple):
    """How Alertmanager is reached: its members' URLs, whom we trust, and the token that is sent, which is the password
    of Basic beside a name, or else Bearer's.
    """

    urls: tuple[str, ...]
    context: ssl.SSLContext | None = None
    token: Secret | None = None
    username: str | None = None


class Listed(NamedTuple):
    """What an Alertmanager lists. `alerts` are by the text that names each, `started` is a Unix time.

    `alone`: silences could only be asked for one by one, those that hold an alert now.
    """

    alerts: Mapping[str, Alert]
    silences: tuple[Silence, ...]
    started: float
    alone: bool = False


class ClientError(Exception):
    """An Alertmanager cannot be read; the message says why, and what to do."""


class _StatusError(Exception):
    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Client:
    """Reads from the member that answered last, or else from the first that does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = urllib3.PoolManager(
            num_pools=len(settings.urls),
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            ssl_context=settings.context,
            headers=_headers(settings),
        )
        self._order = list(settings.urls)
        self._closed = False
        self.failures = 0

    def fetch(self, ignored: Iterable[str]) -> Listed:
        """What the cluster of Alertmanagers lists, without the labels `ignored`; raises ClientError if none answers."""
        problems = []
        for url in list(self._order):
            try:
                found = self._fetch(url.rstrip("/"), frozenset(ignored))
            except ClientError as error:
                self.failures += 1
                problems.append(f"{url}: {error}")
            else:
                self._order.remove(url)
                self._order.insert(0, url)
                return found
        raise ClientError("; ".join(problems))

    def close(self) -> None:
        """Ends the connections; what is under way is not followed by more."""
        self._closed = True
        self._pool.clear()

    def _fetch(self, url: str, ignored: frozenset[str]) -> Listed:
        try:
            status = self._get(url, "status", dict)
            found = self._get(url, "alerts", list, _OURS)
            alerts = _alerts(found, ignored)
            silences, alone = self._silences(url, alerts)
            return Listed(alerts, silences, timestamp(status["uptime"]), alone)
        except _StatusError as error:
            raise ClientError(_refusal(error.status, error.body)) from None
        except (HTTPError, OSError) as error:
            raise ClientError(_no_answer(error, url)) from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ClientError(f"its answer is not what Alertmanager's API says ({_brief(error)})") from None

    def _silences(self, url: str, alerts: Mapping[str, Alert]) -> tuple[tuple[Silence, ...], bool]:
        """All of them; where one with several sets of matchers spoils the list, those that hold an alert now."""
        try:
            return tuple(map(read, self._get(url, "silences", list))), False
        except _StatusError as error:
            if error.status != 500:
                raise
        ids = dict.fromkeys(one for alert in alerts.values() for one in alert.silenced_by)
        return tuple(read(self._get(url, f"silence/{one}", dict)) for one in list(ids)[:MAX_SINGLE]), True

    def _get(self, url: str, what: str, kind: type[Any], query: Iterable[tuple[str, str]] = ()) -> Any:
        if self._closed:
            raise ClientError("the program ends")
        response = self._pool.request(
            "GET", f"{url}/api/v2/{what}", fields=list(query), redirect=False, preload_content=False
        )
        try:
            body = _body(response, what)
            if response.status != 200:
                raise _StatusError(response.status, body)
        finally:
            response.close() if response.length_remaining else response.release_conn()
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ClientError("it answers with a page that is not JSON: is this Alertmanager's own address?") from None
        if not isinstance(answer, kind):
            raise ClientError("it answers with JSON that is not Alertmanager's: is this another program's address?")
        return answer


def _body(response: urllib3.BaseHTTPResponse, what: str) -> bytes:
    """The whole answer; one that comes byte by byte is not waited for."""
    end = time.monotonic() + READ_SECONDS
    body = bytearray()
    while chunk := response.read1(1 << 20):
        body += chunk
        if len(body) > MAX_BYTES:
            raise ClientError(f"its answer about {what} has more than {MAX_BYTES >> 20} MiB")
        if time.monotonic() > end:
            raise ClientError(f"its answer about {what} takes longer than {READ_SECONDS:g} seconds")
    return bytes(body)


def _alerts(found: Iterable[Mapping[str, Any]], ignored: frozenset[str]) -> dict[str, Alert]:
    """By the text that names each. Those that differ in ignored labels only are one."""
    alerts: dict[str, Alert] = {}
    for one in found:
        labels = {intern(name): intern(value) for name, value in sorted(one["labels"].items()) if name not in ignored}
        status = one["status"]
        held = tuple(map(str, status["silencedBy"] or ()))
        alert = Alert(labels, timestamp(one["startsAt"]), bool(status["inhibitedBy"]), held)
        key = key_of(labels)
        other = alerts.get(key)
        alerts[key] = alert if other is None else _both(alert, other)
    return alerts


def key_of(labels: Mapping[str, str]) -> str:
    """The text that names an alert by its labels."""
    return orjson.dumps(dict(sorted(labels.items()))).decode()


def _both(one: Alert, other: Alert) -> Alert:
    """The same alert from two Prometheus: told as soon as one of them is."""
    held = tuple(dict.fromkeys((*one.silenced_by, *other.silenced_by))) if one.silenced_by and other.silenced_by else ()
    return Alert(one.labels, min(one.starts, other.starts), one.inhibited and other.inhibited, held)


def _headers(settings: Settings) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "threatboard"}
    if settings.token is None:
        return headers
    token = settings.token.reveal()
    if settings.username is None:
        headers["Authorization"] = f"Bearer {token.decode('latin-1')}"
    else:
        pair = settings.username.encode() + b":" + token
        headers |= urllib3.make_headers(basic_auth=pair.decode("latin-1"))
    return headers


_REFUSALS = {
    401: "it wants to know who asks: set alertmanager.auth.token_file, and username where it wants a name",
    403: "it refuses these credentials: see alertmanager.auth, and what it lets this account do",
    404: "no Alertmanager is at this path: if it is served under a prefix (--web.external-url), add it to the URL",
    407: "a proxy wants to know who asks: give an address that is reached without it",
}


def _refusal(status: int, body: bytes) -> str:
    if status == 400 and b"HTTPS server" in body:
        return "it speaks TLS: write https://"
    if 300 <= status < 400:
        return f"it leads elsewhere ({status}): a log-in page or another address; give the one of Alertmanager itself"
    return _REFUSALS.get(status, f"it answers {status}: see its log")


_PROBLEMS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda text: "CERTIFICATE_VERIFY_FAILED" in text, "its certificate is not trusted: see alertmanager.ca_file"),
    (lambda text: "WRONG_VERSION_NUMBER" in text or "record layer failure" in text, "it speaks no TLS: write http://"),
)


def _no_answer(error: Exception, url: str) -> str:
    """What kept an Alertmanager from answering, in words."""
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, NameResolutionError):
        return f"there is no host {urlsplit(url).hostname}"
    if isinstance(cause, NewConnectionError):
        return "nobody listens there: is Alertmanager running, and is this its port (9093 by default)?"
    if isinstance(cause, SSLError):
        for fits, sentence in _PROBLEMS:
            if fits(str(cause)):
                return sentence
    return f"no answer: {_brief(cause or error)}"


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"
