"""How long benign requests take while attacks are recorded: `python -m tests.waf.measure`, the numbers in docs/waf.md.

In each of ten rounds an attack is sent, and then ten benign requests, one after another, each given five seconds. The
attack's record goes nowhere, to a file with a shipper, or natively to the receiver's address; the receiver is the
exporter, nobody, one that takes three seconds, or one that never answers.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from demo import tools
from demo.servers import free_port
from tests.support.receiver import receiver
from tests.waf.attacks import ATTACKS, BENIGN, send
from tests.waf.counting import CONFIG
from tests.waf.nginx import NO_AUDIT, Audit, Nginx, audit_file, audit_url
from tests.waf.receivers import NEVER, Receiver
from tests.waf.syslog_ng import SyslogNg

ROUNDS = 10
BENIGN_EACH = 10
PATIENCE = 5.0

RECEIVERS = ("exporter", "stopped", "3 s", "hangs")


def times(port: int) -> tuple[list[float], int]:
    """Seconds of each benign request that was answered, and the number that were not."""
    taken: list[float] = []
    unanswered = 0
    for _ in range(ROUNDS):
        for case in (ATTACKS[0], *[BENIGN[1]] * BENIGN_EACH):
            begin = time.perf_counter()
            try:
                send(port, case, PATIENCE)
            except TimeoutError:
                unanswered += not case.attack
                if unanswered >= BENIGN_EACH:
                    return taken, unanswered
                continue
            if not case.attack:
                taken.append(time.perf_counter() - begin)
    return taken, unanswered


def row(delivery: str, name: str, workers: int, folder: Path) -> str:
    """Measures one combination."""
    with _receiver(name, folder) as url:
        log = folder / "audit.log"
        audit: Audit = {"none": NO_AUDIT, "file": audit_file(log), "native": audit_url(url)}[delivery]
        shipper: AbstractContextManager[object] = nullcontext()
        if delivery == "file":
            shipper = SyslogNg(tools.get("syslog-ng"), folder / "shipper", log, url, "ndjson")
        with Nginx(tools.get("nginx"), folder / "nginx", audit, workers=workers) as nginx, shipper:
            taken, unanswered = times(nginx.port)
    shown = [f"{1000 * value:.1f}" for value in (statistics.median(taken), max(taken))] if taken else ["–", "–"]
    return (
        f"{delivery:7} {name:9} {workers} workers: median {shown[0]} ms, longest {shown[1]} ms, {unanswered} unanswered"
    )


@contextmanager
def _receiver(name: str, folder: Path) -> Iterator[str]:
    """One of `RECEIVERS`; the address to send to."""
    if name == "exporter":
        with receiver(folder / "exporter", **CONFIG) as running:
            yield f"http://127.0.0.1:{running.intake}/waf"
    elif name == "stopped":
        yield f"http://127.0.0.1:{free_port()}/waf"
    else:
        with Receiver(3.0 if name == "3 s" else NEVER) as late:
            yield late.url


def main() -> int:
    """Prints a line for each combination."""
    for workers in (1, 4):
        for delivery, names in (("none", ("stopped",)), ("file", RECEIVERS), ("native", RECEIVERS)):
            for name in names:
                with tempfile.TemporaryDirectory() as folder:
                    print(row(delivery, name, workers, Path(folder)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
