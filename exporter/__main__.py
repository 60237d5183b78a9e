"""The command line: `threatboard receive`, `watch`, `check-config`, `send-test`, `drill`."""

import argparse
import asyncio
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from exporter import __version__, catalog
from exporter.catalog.watch import DRILL_CONTROLS
from exporter.config import ConfigError, describe, load
from exporter.send_test import send_test

STDERR = 2
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 good, 1 it failed and said why, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=LOG_FORMAT)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="threatboard", description="Security events in, Prometheus metrics out.")
    parser.add_argument("--version", action="version", version=f"threatboard {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    receive = commands.add_parser("receive", help="take events over HTTP and show them to Prometheus")
    receive.add_argument("--config", type=Path, metavar="FILE", help="YAML; without it the defaults run")
    receive.set_defaults(run=_receive)

    watch = commands.add_parser("watch", help="look at the cluster: where controls run, and how")
    watch.add_argument("--config", type=Path, metavar="FILE", help="YAML; without it the defaults run")
    watch.set_defaults(run=_watch)

    check = commands.add_parser(
        "check-config", help="say what is wrong with a configuration, or print what it comes to"
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_check_config)

    test = commands.add_parser("send-test", help="send one test alert the way Falco does")
    test.add_argument(
        "url", metavar="URL", help="such as http://localhost:2801/falco, with user:token@ where auth is on"
    )
    test.add_argument(
        "--priority", choices=catalog.PRIORITIES[:-1], default="notice", help="critical pages (default: notice)"
    )
    test.add_argument("--namespace", default="threatboard-test", help="the namespace that it is about")
    test.add_argument("--ca-file", type=Path, metavar="FILE", help="CA of the receiver's certificate")
    test.add_argument("--cert-file", type=Path, metavar="FILE", help="client certificate and key in one file, for mTLS")
    test.add_argument("--token-file", type=Path, metavar="FILE", help="token of intake.auth")
    test.set_defaults(run=send_test)

    drill = commands.add_parser("drill", help="do what the controls must see or stop, harmlessly")
    drill.add_argument("--config", type=Path, metavar="FILE", required=True, help="YAML with the section drill")
    drill.add_argument(
        "--control", choices=DRILL_CONTROLS, action="append", help="only of this one (again for another)"
    )
    drill.add_argument("--report", type=Path, metavar="FILE", help="write what was done when into this file, as JSON")
    drill.set_defaults(run=_drill)
    return parser


def _hold_standard_streams() -> None:
    """Opens /dev/null for each that a parent closed: libuv aborts when a descriptor of its own gets such a number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        pass
    os.close(descriptor)


def _receive(options: argparse.Namespace) -> int:
    # Only in these functions: the other commands should not wait for the server's modules.
    def make() -> Role:
        from exporter.app import Receiver

        return Receiver(options.config)

    return _serve(make)


def _watch(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("kubernetes") is None:
        print("watch needs the client of Kubernetes: pip install 'threatboard[watch]'", file=sys.stderr)
        return 1

    def make() -> Role:
        from exporter.watcher import Watcher

        return Watcher(options.config)

    return _serve(make)


class Role(Protocol):
    """What a command runs until it is told to end."""

    async def run(self) -> int:
        """The exit code."""


def _serve(make: Callable[[], Role]) -> int:
    # Until there is something to reload a SIGHUP would end the process, and as PID 1 the others would do nothing.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))

    # Set for another program of the same environment, this makes prometheus_client keep its numbers in files there.
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(name, None)

    import uvloop

    from exporter.log import ThreadHandler
    from exporter.server.listener import ListenError

    _hold_standard_streams()
    if sys.stderr is not None:  # where a parent closed it there is nobody to tell
        logging.basicConfig(handlers=[ThreadHandler(sys.stderr)], level=logging.INFO, format=LOG_FORMAT, force=True)

    async def run() -> int:
        return await make().run()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run())
    except (ConfigError, ListenError) as error:
        print(error, file=sys.stderr)
        return 1


def _drill(options: argparse.Namespace) -> int:
    from exporter.drill.command import drill

    return drill(options)


def _check_config(options: argparse.Namespace) -> int:
    try:
        config = load(options.file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"# {options.file} is good. It comes to:\n{describe(config)}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
