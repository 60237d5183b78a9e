"""A list and a watch: what is kept through everything that an API server can do."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.pollers.coverage import reflector
from exporter.pollers.coverage.api import Api
from exporter.pollers.coverage.reflector import Reflector, Resource
from tests.support.kube import Kube

PODS = Resource("pods", "/api/v1/pods", lambda raw: raw["spec"]["value"])

LIST, WATCH = "list pods", "watch pods"


def thing(name: str, value: object, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}, "spec": {"value": value}}


def listed(*things: object, version: str = "5", more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": version, "continue": more}, "items": list(things)}


def _line(one: object) -> bytes:
    return json.dumps(one).encode() + b"\n"


def change(kind: str, one: object) -> dict[str, Any]:
    return {"type": kind, "object": one}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test can wait for; their ratios stay."""
    monkeypatch.setattr(reflector, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(reflector, "LONGEST_PAUSE", 0.4)
    monkeypatch.setattr(reflector, "ABSENT_PAUSE", 0.3)


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    with Kube(tmp_path) as running:
        yield running


class Failures:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@contextmanager
def following(kube: Kube, failed: Callable[[], None] = lambda: None) -> Iterator[Reflector[Any]]:
    api = Api(kube.kubeconfig, 2)
    running: Reflector[Any] = Reflector(PODS, lambda: api, failed)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        kube.on(WATCH, b"")
        kube.on(LIST, listed())


def wait_for(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline, f"not within 10 s: {what}"
        time.sleep(0.01)


def requests(kube: Kube, which: str) -> list[Mapping[str, str]]:
    return [dict(one.params) for one in kube.asked(which)]


def test_it_lists_and_then_follows(kube: Kube) -> None:
    pages = {"": listed(thing("a", 1), more="next"), "next": listed(thing("b", 2), version="6")}
    kube.on(LIST, lambda request: pages[request.params.get("continue", "")])
    changes = [change("ADDED", thing("c", 3, "7")), change("MODIFIED", thing("a", 10, "8"))]
    gone = [change("DELETED", thing("b", 2, "9")), change("BOOKMARK", {"metadata": {"resourceVersion": "11"}})]
    lines = [one for group in (changes, gone) for one in group]
    kube.on(WATCH, (*[_line(one) for one in lines], ...))
    with following(kube) as pods:
        wait_for(lambda: sorted(pods.objects()) == [3, 10], "all changes")
        assert pods.state == "synced"
        assert [one.get("continue") for one in requests(kube, LIST)] == [None, "next"]
        assert requests(kube, WATCH)[0]["resourceVersion"] == "6"


def test_a_watch_that_was_cut_goes_on_where_it_was_without_a_list(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1)))
    kube.on(WATCH, (_line(change("ADDED", thing("b", 2, "8"))), _line({"type": "ADD"})))  # and then nonsense
    failures = Failures()
    with following(kube, failures) as pods:
        wait_for(lambda: len(kube.asked(WATCH)) >= 3, "further watches")
        assert len(kube.asked(LIST)) == 1
        assert [one["resourceVersion"] for one in requests(kube, WATCH)][:3] == ["5", "8", "8"]
        assert sorted(pods.objects()) == [1, 2]
        assert failures.count >= 2


def test_a_watch_that_begins_too_early_lists_again_in_pages(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1)))
    kube.on(WATCH, (_line({"type": "ERROR", "object": {"code": 410, "message": "too old"}}),))
    failures = Failures()
    with following(kube, failures) as pods:
        wait_for(lambda: len(kube.asked(LIST)) >= 2, "a second list")
        assert pods.objects() == [1]
        assert all("limit" in one for one in requests(kube, LIST))
        assert failures.count == 0


def test_pages_that_are_too_slow_for_the_server_are_asked_for_in_one(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1), thing("b", 2)))
    kube.on(LIST, listed(thing("a", 1), more="next"), limit="500")
    kube.on(LIST, 410, {"message": "expired"}, **{"continue": "next"})
    kube.on(WATCH, b"")
    with following(kube) as pods:
        wait_for(lambda: pods.state == "synced", "the whole list")
        assert sorted(pods.objects()) == [1, 2]


def test_a_server_that_says_gone_of_the_whole_list_too_is_failing(kube: Kube) -> None:
    kube.on(LIST, 410, {"message": "old"})
    failures = Failures()
    with following(kube, failures) as pods:
        wait_for(lambda: pods.answered, "an answer")
        assert (pods.state, pods.reason) == ("failing", "status 410: old")
        assert failures.count >= 1


@pytest.mark.parametrize(("status", "state"), [(403, "forbidden"), (404, "absent"), (500, "failing"), (429, "failing")])
def test_what_cannot_be_read_is_told_and_heals(kube: Kube, status: int, state: str) -> None:
    kube.on(LIST, status, {"message": "the reason"})
    failures = Failures()
    with following(kube, failures) as pods:
        wait_for(lambda: pods.answered, "an answer")
        wait_for(lambda: len(kube.asked(LIST)) >= 2, "a second attempt")
        assert (pods.state, pods.reason, pods.objects()) == (state, "the reason", [])
        assert (failures.count == 0) is (state == "absent")
        kube.on(LIST, listed(thing("a", 1)))
        kube.on(WATCH, (b"", ...))
        wait_for(lambda: pods.state == "synced", "healing")
        assert pods.objects() == [1]


def test_rights_that_are_taken_away_take_the_objects_along(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1)))
    kube.on(WATCH, 403, {"message": "no longer"})
    with following(kube) as pods:
        wait_for(lambda: pods.state == "forbidden", "the refusal")
        kube.on(LIST, 403, {"message": "no longer"})
        wait_for(lambda: pods.objects() == [], "the objects to go")


def test_what_was_known_stays_while_the_server_is_ill(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1)))
    kube.on(WATCH, 500, {"message": "ill"})
    with following(kube) as pods:
        wait_for(lambda: pods.state == "failing" and pods.listed, "the illness")
        assert pods.objects() == [1]


def test_a_watch_that_is_answered_is_good_before_anything_changes(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1)))
    kube.on(WATCH, 500)
    with following(kube) as pods:
        wait_for(lambda: pods.state == "failing" and pods.listed, "the illness")
        kube.on(WATCH, (b"\n", ...))  # well again, and silent
        wait_for(lambda: pods.state == "synced", "the answer")
        assert len(kube.asked(LIST)) == 1


def test_an_object_that_cannot_be_read_takes_no_other_along(kube: Kube, caplog: pytest.LogCaptureFixture) -> None:
    bad = {"metadata": {"name": "bad", "namespace": "shop"}}
    kube.on(LIST, listed(bad, thing("a", 1), {"no": "name"}, "text"))
    kube.on(WATCH, (_line(change("MODIFIED", bad)), _line(change("ADDED", thing("b", 2, "7"))), ...))
    with following(kube) as pods:
        wait_for(lambda: sorted(pods.objects()) == [1, 2], "the others")
        told = [one.getMessage() for one in caplog.records if "cannot be read" in one.getMessage()]
        assert told == ["pods shop/bad cannot be read: KeyError('spec')"]


@pytest.mark.parametrize("answer", [(500, {"message": "ill"}), (b"nonsense",), (410, {"message": "old"})])
def test_a_server_that_refuses_is_asked_ever_more_rarely(kube: Kube, answer: tuple[object, ...]) -> None:
    """And without end: at most so many requests as pauses fit into the time."""
    kube.on(LIST, *answer)
    with following(kube):
        time.sleep(1.5)
        assert 3 <= len(kube.asked(LIST)) <= 12


def test_a_server_that_ends_each_watch_at_once_is_asked_ever_more_rarely(kube: Kube) -> None:
    kube.on(LIST, listed(thing("a", 1)))
    kube.on(WATCH, b"")
    with following(kube) as pods:
        time.sleep(1.5)
        assert 3 <= len(kube.asked(WATCH)) <= 12
        assert len(kube.asked(LIST)) <= 1
        assert pods.state == "synced"
