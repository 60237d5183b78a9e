"""The Kubernetes API as lists and changes of plain objects. The only importer of `kubernetes`.

`kubernetes` gives configuration, authentication and transport. Its typed models cost five times the memory, and its
informer asks a server that is down without a pause, so that lists and watches are read here, from the raw bytes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError
from yaml import YAMLError

Object = dict[str, Any]

CONNECT_SECONDS = 5
READ_SECONDS = 30
PAGE = 500
"""Objects in one answer of a list."""

MAX_PAGE = 16 << 20
"""Longest answer of a list that is read; of a longer one fewer objects are asked for at once."""

MAX_LINE = 16 << 20
"""Longest change of a watch that is read; etcd takes objects of at most 1.5 MiB."""


class ApiError(Exception):
    """The API server cannot be asked, or says no. `status` is that of HTTP, 0 where there was no answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Change(NamedTuple):
    """A line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    kind: str
    object: Object


class Api:
    """Reads from the server that `kubeconfig` names, or that of the pod's service account; raises ApiError."""

    def __init__(self, kubeconfig: Path | None, connections: int) -> None:
        settings = client.Configuration()
        settings.retries = False  # how long to wait is decided by the one who asks
        settings.connection_pool_maxsize = connections
        try:
            if kubeconfig is None:
                config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
            else:
                config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError, YAMLError, TypeError, ValueError, AttributeError, LookupError) as error:
            hint = "outside a cluster, set cluster.kubeconfig" if kubeconfig is None else f"see {kubeconfig}"
            raise ApiError(0, f"the API server cannot be found ({hint}): {_brief(str(error))}") from None
        self._client = client.ApiClient(settings)

    def pages(self, path: str, query: Mapping[str, str], *, whole: bool = False) -> Iterator[Object]:
        """The collection at `path` in answers of at most `PAGE` objects, or `whole` in one."""
        objects = PAGE
        following = ""
        while True:
            limit = {} if whole else {"limit": str(objects)}
            response = self._ask(path, {**query, **limit, **({"continue": following} if following else {})})
            try:
                data = response.data if whole else response.read(MAX_PAGE + 1)
            except HTTPError as error:
                raise ApiError(0, f"the answer was cut: {_brief(str(error))}") from None
            if not whole and len(data) > MAX_PAGE:
                response.close()  # unread, it is of no use to the next request
                if objects == 1:
                    raise ApiError(0, f"an object of more than {MAX_PAGE >> 20} MiB")
                objects = max(1, objects // 4)
                continue
            answer = _parsed(data)
            yield answer
            following = answer.get("metadata", {}).get("continue", "")
            if not following:
                return

    def changes(self, path: str, query: Mapping[str, str], version: str, seconds: int) -> Iterator[Change]:
        """What changes at `path` after `version`, until the server ends it after `seconds`.

        It returns as soon as the server has answered, which may be long before the first change. Iterate to the end, or
        close it.
        """
        asked = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        return _changes(self._ask(path, {**query, **asked, "timeoutSeconds": str(seconds)}, seconds + READ_SECONDS))

    def _ask(self, path: str, query: Mapping[str, str], seconds: float = READ_SECONDS) -> Any:
        """An answer of HTTP whose body has not been read."""
        asked = self._client.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        method, url, headers = asked[:3]
        try:
            got = self._client.call_api(method, url, headers, _request_timeout=(CONNECT_SECONDS, seconds))
            response = cast(Any, got).response
        except (HTTPError, OSError) as error:
            raise ApiError(0, f"no answer: {_brief(str(error))}") from None
        except client.ApiException as error:
            raise ApiError(int(error.status or 0), _brief(str(error.reason))) from None
        if response.status != 200:
            sentence = _refusal(response)
            response.close()
            raise ApiError(response.status, sentence)
        return response


def _changes(response: Any) -> Iterator[Change]:
    try:
        for line in _lines(response.stream(1 << 16)):
            read = _parsed(line)
            kind, made = read.get("type"), read.get("object")
            if not isinstance(kind, str) or not isinstance(made, dict):
                raise ApiError(0, "a change that is none")
            if kind == "ERROR":
                raise ApiError(int(made.get("code") or 0), _brief(str(made.get("message", "no reason given"))))
            yield Change(kind, made)
    except HTTPError as error:
        raise ApiError(0, f"the watch was cut: {_brief(str(error))}") from None
    finally:
        response.close()  # unread, it is of no use to the next request


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if b"\n" in piece:
            *lines, rest = waiting.split(b"\n")
            yield from (bytes(line) for line in lines if line)
            waiting = bytearray(rest)
        if len(waiting) > MAX_LINE:
            raise ApiError(0, f"a change of more than {MAX_LINE >> 20} MiB")


def _parsed(data: bytes) -> Object:
    try:
        read = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ApiError(0, "the answer is not JSON: is this the API server?") from None
    if not isinstance(read, dict):
        raise ApiError(0, "the answer is no object: is this the API server?")
    return read


def _refusal(response: Any) -> str:
    """What the server says in a Status, which tells who may not do what."""
    try:
        read = orjson.loads(response.read(1 << 16))
        return _brief(str(read["message"]))
    except (HTTPError, orjson.JSONDecodeError, KeyError, TypeError):
        return f"status {response.status}"


def _brief(text: str) -> str:
    """One line of a log, of text that another program wrote."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if len(shown) <= 300 else shown[:299] + "…"
