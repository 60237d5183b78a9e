"""What a request through the firewall waits for when the exporter is away or hangs: natively, and by file and shipper.

Bounds are of order, not of time: what was answered before a hanging receiver was let go.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.servers import free_port, wait_for
from tests.waf.attacks import ATTACKS, BENIGN, send
from tests.waf.counting import attack
from tests.waf.nginx import Nginx, audit_url
from tests.waf.receivers import NEVER, Receiver

Tool = Callable[[str], Path]

A_WHILE = 2.0
"""Seconds in which a request that waits for nothing is answered many times over."""


def test_natively_an_exporter_that_is_away_delays_nothing(tool: Tool, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/waf"
    with Nginx(tool("nginx"), tmp_path / "nginx", audit_url(nobody)) as nginx:
        attack(nginx.port, [*ATTACKS, *BENIGN], 403)


def test_natively_an_exporter_that_hangs_stops_the_firewall(tool: Tool, tmp_path: Path) -> None:
    """ModSecurity posts within nginx's worker and sets no time limit, which no exporter can make good.

    That is why a file and a shipper are the standard way, see docs/waf.md. If this test fails because the benign
    request was answered, ModSecurity has become better, and the documentation can say so.
    """
    with Receiver(NEVER) as hanging, Nginx(tool("nginx"), tmp_path / "nginx", audit_url(hanging.url)) as nginx:
        attack(nginx.port, ATTACKS[:1], 403)
        assert wait_for(hanging.asked.is_set, 60), "ModSecurity has not posted its record"
        answered = threading.Event()

        def benign() -> None:
            send(nginx.port, BENIGN[0])
            answered.set()

        client = threading.Thread(target=benign, daemon=True)
        client.start()
        assert not answered.wait(A_WHILE)
        hanging.release()
        client.join(60)
        assert answered.is_set(), "released, the worker serves again"


def test_natively_more_workers_only_take_more_attacks(tool: Tool, tmp_path: Path) -> None:
    with (
        Receiver(NEVER) as hanging,
        Nginx(tool("nginx"), tmp_path / "nginx", audit_url(hanging.url), workers=4) as nginx,
    ):
        for _ in range(100):
            try:
                send(nginx.port, ATTACKS[0], seconds=A_WHILE)
            except TimeoutError:
                break
        with pytest.raises(TimeoutError):
            send(nginx.port, BENIGN[0], seconds=A_WHILE)
        hanging.release()
        assert send(nginx.port, BENIGN[0]) == 200
