"""`python -m demo`: sets the stage (`demo/stage.py`), plays the story (`demo/story.py`), and ends what it started.

Exit codes: 0 the story went as told, 1 it did not (why, and the last log lines, are printed), 130 interrupted. With
KEEP=1 in the environment the servers run on after the story until Ctrl-C.
"""

import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from demo import tools
from demo.checks import wired
from demo.history import BackfillError
from demo.servers import HOST, Server, ServerError
from demo.stage import Stage, set_up
from demo.steps import Act, Comes, StepError
from demo.story import STORY
from demo.terminal import BOLD, Terminal

LOG_WIDTH = 200
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Plays the whole demo; its exit code."""
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    terminal = Terminal()
    keep = os.environ.get("KEEP", "") not in ("", "0")
    try:
        with tempfile.TemporaryDirectory(prefix="threatboard-demo-") as folder:
            return _run(terminal, Path(folder), keep)
    except tools.MissingToolError as error:
        terminal.failed(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.heading("Interrupted; everything that was started has ended.")
        return 130


def _run(terminal: Terminal, folder: Path, keep: bool) -> int:
    with ExitStack() as servers:
        try:
            stage = _set_up(terminal, folder, servers)
            began = time.monotonic()
            for act in STORY:
                _play(act, stage, terminal)
            terminal.words(f"The whole story took {time.monotonic() - began:.0f} seconds after the set-up.", BOLD)
            if keep:
                _keep(stage, terminal)
        except BackfillError as error:
            return _fail(terminal, str(error), "promtool's own words", error.words)
        except ServerError as error:
            return _failed(terminal, error, error.server)
        except StepError as error:
            return _failed(terminal, error, getattr(stage, error.part))
        finally:
            # From here on a second Ctrl-C would only leave servers behind.
            for number in ENDINGS:
                signal.signal(number, signal.SIG_IGN)
    return 0


def _set_up(terminal: Terminal, folder: Path, servers: ExitStack) -> Stage:
    terminal.heading("Set-up: real servers on 127.0.0.1 with the rules and the Alertmanager example that ship")
    terminal.words(
        "Only addresses are others, and scrapes, evaluations, re-sending and Alertmanager's group waits are ten times"
        " as quick. Cilium, Hubble and the kubelet are simulated; Slack is a stand-in."
    )
    stage = set_up(servers, folder, terminal.seen)
    Comes("Prometheus scrapes every 2 seconds", wired, "prometheus").play(stage, terminal)
    return stage


def _play(act: Act, stage: Stage, terminal: Terminal) -> None:
    terminal.heading(act.heading)
    terminal.words(act.words)
    began = time.monotonic()
    for step in act.steps:
        step.play(stage, terminal)
    terminal.words(act.ending.format(seconds=time.monotonic() - began), BOLD)


def _keep(stage: Stage, terminal: Terminal) -> None:
    """Shows where to look, and returns on Ctrl-C; raises `ServerError` when a server ends before."""
    terminal.heading("Everything runs on until Ctrl-C")
    terminal.words(f"Status page   {stage.exporter.url}/")
    terminal.words(f"Metrics       {stage.exporter.url}/metrics")
    terminal.words(f"Prometheus    {stage.prometheus.url}/")
    terminal.words(f"Alertmanager  {stage.alertmanager.url}/ (Debian's has no pages, see /api/v2/alerts)")
    terminal.words(f"Send alerts   POST http://{HOST}:{stage.exporter.intake_port}/falco")
    try:
        while True:
            time.sleep(1)
            for server in stage.servers:
                server.check()
    except KeyboardInterrupt:
        return


def _failed(terminal: Terminal, error: Exception, server: Server) -> int:
    return _fail(terminal, str(error), f"The last lines of {server.name}'s log", server.log_tail())


def _fail(terminal: Terminal, why: str, whose: str, words: str) -> int:
    terminal.failed(why)
    terminal.words(f"{whose}:")
    terminal.quoted("\n".join(line[:LOG_WIDTH] for line in words.splitlines()))
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
