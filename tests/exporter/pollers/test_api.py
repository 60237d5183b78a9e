"""The Kubernetes API as it is read: pages, changes, and every way in which an answer can be none."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.pollers.coverage.api import PAGE, Api, ApiError
from tests.support.kube import Kube, settings

PODS = "/api/v1/pods"


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    with Kube(tmp_path) as running:
        yield running


@pytest.fixture
def api(kube: Kube) -> Api:
    return Api(kube.kubeconfig, 2)


def test_a_long_list_comes_in_pages(kube: Kube, api: Api) -> None:
    def page(request: object) -> object:
        following = request.params.get("continue", "")  # type: ignore[attr-defined]
        return {"metadata": {"continue": {"": "a", "a": "b", "b": ""}[following]}, "items": [following]}

    kube.on("list pods", page)
    assert [answer["items"] for answer in api.pages(PODS, {"x": "y"})] == [[""], ["a"], ["b"]]
    asked = [dict(one.params) for one in kube.asked("list pods")]
    assert asked[0] == {"x": "y", "limit": str(PAGE)}
    assert asked[2] == {"x": "y", "limit": str(PAGE), "continue": "b"}
    assert {one.headers["Authorization"] for one in kube.asked("list pods")} == {"Bearer a-token"}


def test_changes_come_as_soon_as_their_line_is_whole(kube: Kube, api: Api) -> None:
    pieces = (b'{"type":"ADDED","object":{"a":1}}\n{"type":"MOD', b'IFIED","object":{}}\n', b'{"type":"BOOKMARK",')
    kube.on("watch pods", (*pieces, b'"object":{}}\n'))
    kinds = [change.kind for change in api.changes(PODS, {}, "7", 3)]
    assert kinds == ["ADDED", "MODIFIED", "BOOKMARK"]
    (asked,) = kube.asked("watch pods")
    assert dict(asked.params) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "3",
    }


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ((403, {"message": "pods is forbidden: User me cannot list"}), 403, "pods is forbidden: User me cannot list"),
        ((404, b"404 page not found"), 404, "status 404"),
        ((410, {"message": "too old"}), 410, "too old"),
        ((500, {"message": "line\nbreak\x1b[31m" + "x" * 1000}), 500, "line break [31mx"),
        ((503, [1]), 503, "status 503"),
        ((b"<html>",), 0, "not JSON"),
        ((b"[]",), 0, "no object"),
        ((b'{"items": [',), 0, "not JSON"),
        ((302, {"Location": "http://localhost/elsewhere"}), 302, "status 302"),
    ],
)
def test_what_is_no_list_says_why(kube: Kube, api: Api, answer: tuple[object, ...], status: int, says: str) -> None:
    kube.on("list pods", *answer)
    with pytest.raises(ApiError, match=says.replace("[", r"\[")) as caught:
        list(api.pages(PODS, {}))
    assert caught.value.status == status
    assert len(str(caught.value)) <= 300
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b'{"type":"ERROR","object":{"code":410,"message":"too old resource version"}}\n', 410, "too old"),
        (b'{"type":"ERROR","object":{}}\n', 0, "no reason given"),
        (b'{"type":7,"object":{}}\n', 0, "a change that is none"),
        (b'{"type":"ADDED","object":[]}\n', 0, "a change that is none"),
        (b"nonsense\n", 0, "not JSON"),
        (b"x" * (17 << 20), 0, "more than 16 MiB"),
    ],
)
def test_what_is_no_change_says_why(kube: Kube, api: Api, answer: bytes, status: int, says: str) -> None:
    kube.on("watch pods", (b'{"type":"ADDED","object":{}}\n', answer))
    changes = api.changes(PODS, {}, "7", 3)
    assert next(changes).kind == "ADDED"
    with pytest.raises(ApiError, match=says) as caught:
        list(changes)
    assert caught.value.status == status


def test_a_server_that_says_nothing_is_given_up(kube: Kube, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.pollers.coverage.api.READ_SECONDS", 0.5)
    kube.on("watch pods", (b'{"type":"ADDED","object":{}}\n', ...))  # and then silence
    begun = time.monotonic()
    changes = api.changes(PODS, {}, "7", 0)
    assert next(changes).kind == "ADDED"
    with pytest.raises(ApiError, match="cut"):
        next(changes)
    assert time.monotonic() - begun < 10


def test_a_server_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    nowhere = tmp_path / "kubeconfig.yaml"
    nowhere.write_text(settings("http://127.0.0.1:9"))
    with pytest.raises(ApiError, match="no answer") as caught:
        list(Api(nowhere, 1).pages(PODS, {}))
    assert caught.value.status == 0


def test_outside_a_cluster_it_says_what_to_set() -> None:
    with pytest.raises(ApiError, match=r"outside a cluster, set cluster\.kubeconfig"):
        Api(None, 1)


@pytest.mark.parametrize("content", [None, "", "nonsense", "[]", "apiVersion: v1\nkind: Config\n"])
def test_a_kubeconfig_that_is_none_is_an_error_with_its_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ApiError, match=r"kubeconfig\.yaml"):
        Api(path, 1)


def test_a_token_is_in_no_message(kube: Kube, api: Api) -> None:
    kube.on("list pods", 401, {"message": "Unauthorized"})
    with pytest.raises(ApiError) as caught:
        list(api.pages(PODS, {}))
    assert "a-token" not in repr(caught.value)


def test_of_large_objects_fewer_are_asked_for_at_once(kube: Kube, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.pollers.coverage.api.MAX_PAGE", 1000)
    kube.on("list pods", lambda request: {"items": ["x" * 10] * int(request.params["limit"])})
    assert [len(answer["items"]) for answer in api.pages(PODS, {})] == [31]
    assert [one.params["limit"] for one in kube.asked("list pods")] == ["500", "125", "31"]
    kube.on("list pods", {"items": ["x" * 1000]})
    with pytest.raises(ApiError, match="an object of more than"):
        list(api.pages(PODS, {}))
