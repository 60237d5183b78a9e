"""`python -m demo`: starts the exporter, Prometheus and Alertmanager, plays the story, and ends what it started.

Exit codes: 0 the story went as told, 1 it did not (why, and the last log lines, are printed), 130 interrupted. With
KEEP=1 in the environment the servers run on after the story until Ctrl-C.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from string import Template
from types import FrameType

import yaml

from demo import tools
from demo.checks import Stage, scraped
from demo.prometheus import Prometheus
from demo.servers import HOST, Alertmanager, Exporter, Server, ServerError
from demo.slack import Slack
from demo.steps import Act, Comes, StepError
from demo.story import STORY
from demo.terminal import BOLD, Terminal

HERE = Path(__file__).resolve().parent
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
            for act in STORY:
                _play(act, stage, terminal)
            if keep:
                _keep(stage, terminal)
        except ServerError as error:
            return _fail(terminal, str(error), error.server)
        except StepError as error:
            return _fail(terminal, str(error), getattr(stage, error.part))
        finally:
            # From here on a second Ctrl-C would only leave servers behind.
            for number in ENDINGS:
                signal.signal(number, signal.SIG_IGN)
    return 0


def _set_up(terminal: Terminal, folder: Path, servers: ExitStack) -> Stage:
    terminal.heading("Set-up: real servers on 127.0.0.1, a stand-in for Slack")
    programs = {name: tools.get(name) for name in ("prometheus", "alertmanager")}
    slack = servers.enter_context(Slack())
    alertmanager = Alertmanager(programs["alertmanager"], _filled("alertmanager.yml", {"slack": slack.url}), folder)
    _start(terminal, servers, alertmanager)
    exporter = Exporter(yaml.safe_load((HERE / "exporter.yml").read_text()), folder)
    _start(terminal, servers, exporter)
    names = {
        "rules": str(HERE / "rules.yml"),
        "alertmanager": f"{HOST}:{alertmanager.port}",
        "exporter": f"{HOST}:{exporter.port}",
    }
    prometheus = Prometheus(programs["prometheus"], _filled("prometheus.yml", names), folder)
    _start(terminal, servers, prometheus)
    stage = Stage(exporter, prometheus, alertmanager, slack)
    Comes("Prometheus scrapes the exporter every 2 seconds", scraped("threatboard"), "prometheus").play(stage, terminal)
    return stage


def _start(terminal: Terminal, servers: ExitStack, server: Server) -> None:
    began = time.monotonic()
    servers.enter_context(server)
    terminal.seen(time.monotonic() - began, f"{server.name} is ready at {server.url}")


def _filled(file: str, names: Mapping[str, str]) -> str:
    return Template((HERE / file).read_text()).substitute(names)


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
            for server in (stage.exporter, stage.prometheus, stage.alertmanager):
                server.check()
    except KeyboardInterrupt:
        return


def _fail(terminal: Terminal, why: str, server: Server) -> int:
    terminal.failed(why)
    terminal.words(f"The last lines of {server.name}'s log:")
    terminal.quoted("\n".join(line[:LOG_WIDTH] for line in server.log_tail().splitlines()))
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
