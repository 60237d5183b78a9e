"""How long an honest sender waits for its answer while others attack, and what the receiver holds meanwhile."""

import subprocess
import sys
from itertools import islice
from pathlib import Path
from statistics import median

from bench import subject
from bench.alert import bodies
from bench.attacker import ATTACKS
from bench.intake import KINDS
from bench.load import answer_times, connections, requests
from bench.subject import Subject
from bench.table import Row, at_most
from demo.servers import ROOT

RATE = 200
SECONDS = 5


def answer_times_under_attack(folder: Path) -> list[Row]:
    """The median beside each attack, in those without."""
    rows = []
    for name in ATTACKS:
        with subject.threatboard(folder, events={"log": False}) as server:
            alone = _median(server)
            command = [sys.executable, "-m", "bench.attacker", str(server.intake), name, str(SECONDS + 5)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as attacker:  # noqa: S603
                assert attacker.stdout is not None
                attacker.stdout.readline()
                beside, held = _median(server), server.resident() / 1e6
                attacker.terminate()
        what = f"p50 of the answer time, {name} : nobody else"
        behind = f"{beside:.2f} ms; {alone:.2f} ms; the receiver holds {held:.0f} MB"
        rows.append(Row(what, beside / alone, "x", at_most(10), behind))
    return rows


def _median(server: Subject) -> float:
    wanted = requests(server, islice(bodies(), KINDS))
    with connections(server) as sockets:
        return median(answer_times(sockets, wanted, RATE, SECONDS)) * 1e3
