"""For minutes of random good and bad input: totals agree exactly with what was sent, and memory settles.

`THREATBOARD_SOAK` is for how many seconds (40 without it).
"""

import contextlib
import gzip
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from demo.servers import wait_for
from tests.support.load import raw_request, resident
from tests.support.receiver import PATIENCE, Receiver, alert, receiver

SECONDS = float(os.environ.get("THREATBOARD_SOAK", "40"))

LIMIT = 500
"""Series; far fewer than the pods that come and go."""


class Mix:
    """Sends things at random and keeps count of what each should do."""

    def __init__(self, subject: Receiver, seed: int) -> None:
        self.subject = subject
        self.random = random.Random(seed)
        self.accepted = 0
        self.rejected: Counter[str] = Counter()
        self.acts: tuple[Callable[[], None], ...] = (
            *[self.one] * 6, self.batch, self.zipped, self.not_json, self.no_rule, self.too_large, self.bomb,
            self.elsewhere, self.malformed, self.broken_off, self.look,
        )  # fmt: skip

    def step(self) -> None:
        self.random.choice(self.acts)()

    def alert(self) -> bytes:
        pod = f"pod-{self.random.randrange(10**9):x}"
        text = "".join(chr(self.random.choice((65, 10, 34, 92, 37, 233, 0x1F600))) for _ in range(20))
        fields = {"k8s_pod_name": pod, "proc_cmdline": text * self.random.randrange(4)}
        return json.dumps(alert(f"Rule {self.random.randrange(30)} {text[:2]}", **fields)).encode()

    def post(self, body: bytes, status: int, **headers: str) -> None:
        found = self.subject.request("POST", "/falco", body, {key.replace("_", "-"): v for key, v in headers.items()})
        assert found[0] == status, found

    def one(self) -> None:
        self.accepted += 1
        self.post(self.alert(), 204)

    def batch(self) -> None:
        good, bad = self.random.randrange(1, 20), self.random.randrange(1, 5)
        lines = [self.alert() for _ in range(good)] + [b"{}"] * bad
        self.random.shuffle(lines)
        self.accepted += good
        self.rejected["not_an_alert"] += bad
        self.post(b"\n".join(lines), 200)

    def zipped(self) -> None:
        self.accepted += 3
        self.post(gzip.compress(b"[" + b",".join(self.alert() for _ in range(3)) + b"]"), 204, content_encoding="gzip")

    def not_json(self) -> None:
        self.rejected["not_json"] += 1
        # Not `{}`, which is JSON, whatever comes after it.
        self.post(b"{?" + self.random.randbytes(self.random.randrange(200)).replace(b"\n", b""), 400)

    def no_rule(self) -> None:
        self.rejected["no_rule"] += 1
        self.post(b'{"priority": "Critical"}', 400)

    def too_large(self) -> None:
        self.rejected["too_large"] += 1
        self.post(b"x" * 70_000, 413)

    def bomb(self) -> None:
        self.rejected["too_large"] += 1
        self.post(gzip.compress(bytes(10 << 20), 1), 413, content_encoding="gzip")

    def elsewhere(self) -> None:
        self.rejected["not_found"] += 1
        assert self.subject.request("POST", "/nowhere", b"{}")[0] == 404

    def malformed(self) -> None:
        self.rejected["malformed_http"] += 1
        with self.subject.connect() as one:
            one.sendall(b"\x00" + self.random.randbytes(100))
            assert one.recv(65536).startswith(b"HTTP/1.1 400 ")

    def broken_off(self) -> None:
        self.rejected["truncated"] += 1
        with self.subject.connect() as one:
            one.sendall(raw_request(self.alert())[:-10])

    def look(self) -> None:
        for headers in ({}, {"X-Prometheus-Scrape-Timeout-Seconds": "1"}):
            assert self.subject.get("/metrics", headers)[0] == 200
        assert self.subject.get("/")[0] == 200


def test_totals_agree_exactly_and_memory_settles(tmp_path: Path) -> None:
    config: dict[str, dict[str, object]] = {
        "intake": {"max_body": "64KiB"},
        "series": {"limit": LIMIT, "idle_expiry": "5s", "state_dir": str(tmp_path / "state")},
        "events": {"keep": 200},
    }
    with contextlib.ExitStack() as stack:
        subject = stack.enter_context(receiver(tmp_path, **config))
        mix = Mix(subject, seed=5)
        start = time.monotonic()
        memory = []
        while (elapsed := time.monotonic() - start) < SECONDS or mix.accepted < 2 * LIMIT:
            mix.step()
            if elapsed > SECONDS / 3:
                memory.append(resident(subject))

        def rejected() -> Counter[str]:
            reasons = {
                reason: int(subject.value("threat_events_rejected_total", reason=reason)) for reason in mix.rejected
            }
            return Counter(reasons)

        assert wait_for(lambda: rejected() == mix.rejected, PATIENCE), (rejected(), mix.rejected)
        assert subject.value("threat_events_accepted_total") == mix.accepted
        assert subject.value("threat_events_rejected_total") == sum(mix.rejected.values())
        assert subject.value("threat_state_healthy") == 1
        held, left = (
            subject.value(name, family="threat_falco_alerts_total")
            for name in ("threat_series", "threat_series_expired_total")
        )
        assert held + left >= LIMIT
        assert "Traceback" not in subject.log.read_text()
        assert mix.accepted > 200
        quarter = len(memory) // 4
        assert max(memory[-quarter:]) - max(memory[:quarter]) < 4 << 20, "memory grows"
        kept = sum(file.stat().st_size for file in (tmp_path / "state").rglob("*.keys"))
        assert kept < 4 << 20
