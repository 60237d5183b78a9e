"""Reloading: a changed file or SIGHUP loads the configuration whole, and a faulty one leaves the old in use."""

import asyncio
import hashlib
import logging
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from exporter.config import Config, ConfigError, load, named_files, restart_needed

LOG = logging.getLogger("threatboard")

MAX_WATCHED_BYTES = 8 << 20
"""No more of a watched file is read to see whether it changed."""

GATHER = 0.1
"""Seconds after a SIGHUP in which further ones are taken for the same."""


def fingerprint(path: Path) -> str:
    """What `path` holds now, links followed: equal for equal content; an error is a content of its own."""
    try:
        if not path.is_file():
            return "no file"
        with path.open("rb") as stream:
            return hashlib.sha256(stream.read(MAX_WATCHED_BYTES)).hexdigest()
    except OSError as error:
        return str(error.errno)


class Watch:
    """Tells which of some files changed, by reading them: a ConfigMap or Secret is swapped by a link, not written.

    A change is told once the file has held still from one look to the next, because an editor or a copy may be caught
    in the middle, and a file cut short can be valid YAML.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._known = {path: fingerprint(path) for path in paths}
        self._last = dict(self._known)

    @property
    def paths(self) -> frozenset[Path]:
        """The files watched."""
        return frozenset(self._known)

    @property
    def state(self) -> frozenset[tuple[Path, str]]:
        """The content last told of all files, for comparing."""
        return frozenset(self._known.items())

    def changed(self) -> tuple[Path, ...]:
        """The files whose content is not what was last told, if all hold still. Reads every file: call in a thread."""
        before, self._last = self._last, {path: fingerprint(path) for path in self._known}
        if before != self._last:
            return ()
        told = tuple(path for path, content in self._last.items() if content != self._known[path])
        self._known = dict(self._last)
        return told


class Reloader:
    """Keeps the configuration of the file at `path` in use, as `config`.

    `apply` is called with every new configuration, `report` with (success, Unix time) after every attempt; both in the
    event loop. Without a path there is nothing to read, and SIGHUP does nothing but apply the defaults again.

        reloader = Reloader(path, apply, report)
        config = reloader.start()          # ConfigError: nothing to fall back to
        await reloader.run()               # until cancelled
    """

    config: Config

    def __init__(
        self,
        path: Path | None,
        apply: Callable[[Config], None],
        report: Callable[[bool, float], None],
        *,
        interval: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._apply = apply
        self._report = report
        self._interval = interval
        self._clock = clock
        self._hangup = asyncio.Event()
        self._watch = Watch(self._files())
        self._refused: set[frozenset[tuple[Path, str]]] = set()

    def start(self) -> Config:
        """Load for the first time, without `apply`. Raises ConfigError. What changes from here on is seen by `run`."""
        outcome = self._load()
        if isinstance(outcome, ConfigError):
            raise outcome
        self.config = self._started = outcome
        self._report(True, self._clock())
        return outcome

    async def run(self) -> None:
        """Watch and listen for SIGHUP until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._hangup.set)
        try:
            while True:
                if await self._wanted():
                    self._take(await asyncio.to_thread(self._load, self.config))
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def _wanted(self) -> bool:
        """Wait one interval or for a SIGHUP; True when there is a reason to load."""
        try:
            await asyncio.wait_for(self._hangup.wait(), self._interval)
        except TimeoutError:
            changed = await asyncio.to_thread(self._watch.changed)
            if changed:
                LOG.info("configuration: changed: %s", ", ".join(map(str, changed)))
            return bool(changed)
        await asyncio.sleep(GATHER)
        self._hangup.clear()
        return True

    def _files(self, named: Iterable[Path] = ()) -> frozenset[Path]:
        return frozenset(named if self._path is None else (self._path, *named))

    def _load(self, in_use: Config | None = None) -> Config | ConfigError:
        """Load, with every file that the result names watched since before it was read."""
        self._watch = Watch(self._watch.paths)
        while True:
            outcome: Config | ConfigError
            try:
                outcome = load(self._path)
                named = named_files(outcome)
                if in_use not in (None, outcome):
                    self._refuse_empty()
            except ConfigError as error:
                outcome, named = error, error.files
            if self._files(named) == self._watch.paths:
                return outcome
            self._watch = Watch(self._files(named))

    def _refuse_empty(self) -> None:
        """Refuses a file that became empty: a full disk does that, and its defaults would let everybody send."""
        if self._path is not None and not self._path.read_bytes().strip():
            raise ConfigError((f"{self._path}: is empty; write `{{}}` to go back to the defaults",))

    def _take(self, outcome: Config | ConfigError) -> None:
        if isinstance(outcome, ConfigError):
            self._refuse(outcome)
            return
        try:
            self._apply(outcome)
        except Exception:
            LOG.exception("configuration: could not be taken into use")
            self._report(False, self._clock())
            return
        self.config = outcome
        self._refused.clear()
        if waiting := restart_needed(self._started, outcome):
            LOG.warning("configuration: waits for a restart: %s", ", ".join(waiting))
        LOG.info("configuration: taken into use")
        self._report(True, self._clock())

    def _refuse(self, error: ConfigError) -> None:
        if self._watch.state in self._refused:
            LOG.info("configuration: still refused, for the reasons given; the one in use stays")
        else:
            self._refused.add(self._watch.state)
            LOG.error("configuration: refused, the one in use stays:\n%s", error)
        self._report(False, self._clock())
