"""`threatboard drill`: does the acts that are configured, and says of each what became of it."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.catalog.watch import DRILL_CONTROLS
from exporter.config import Config, ConfigError, load
from exporter.drill import acts
from exporter.drill.acts import Act

_NO_KEY = (
    "drill.key_file is not set, so nothing would tell the drill from an attack, and it would wake people: "
    "give the key here that the receivers have."
)
_NOWHERE = {
    "network": "drill.allowed and drill.denied are not set: where network policy lets a drill connect, and where not.",
    "waf": "drill.waf_url is not set: a page behind the WAF.",
}


def drill(options: argparse.Namespace) -> int:
    """Prints a sentence for each act; 0 if all could be done and ended as they should."""
    try:
        config = load(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    done = []
    for act in _acts(config, options.control):
        print(f"{act.control}: {act.said}", file=sys.stdout if act.good else sys.stderr, flush=True)
        done.append(act)
    good = all(act.good for act in done)
    if options.report is not None and (problem := _report(options.report, done)):
        print(problem, file=sys.stderr)
        return 1
    return 0 if good else 1


def _acts(config: Config, asked: Sequence[str] | None) -> Iterator[Act]:
    """Does those that were asked for, else all that are configured, one after the other."""
    settings = config.drill
    configured = {"ids": True, "network": settings.allowed is not None, "waf": settings.waf_url is not None}
    for control in DRILL_CONTROLS:
        if control not in (asked or [name for name, is_configured in configured.items() if is_configured]):
            continue
        if not configured[control]:
            yield Act(control, False, _NOWHERE[control])
        elif control == "network":
            assert settings.allowed is not None
            assert settings.denied is not None
            yield acts.network(settings.allowed, settings.denied, time)
        elif settings.key is None:
            yield Act(control, False, _NO_KEY)
        elif control == "ids":
            yield acts.ids(settings.key, tempfile.gettempdir, time)
        else:
            assert settings.waf_url is not None
            yield acts.waf(settings.key, settings.waf_url, config.waf.blocking, time)


def _report(path: Path, done: Sequence[Act]) -> str:
    """Writes when each act was done and whether it was stopped, as JSON; what kept it from that, if anything."""
    entries = [{"control": act.control, "at": act.at, "stopped": act.stopped} for act in done if act.at is not None]
    try:
        path.write_text(json.dumps({"acts": entries}) + "\n")
    except OSError as error:
        return f"The report could not be written to {path}: {error.strerror}. Give a file that may be written to."
    return ""
