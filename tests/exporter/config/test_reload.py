"""Reloading: real files, real links and a real SIGHUP, and nothing in use is lost by a bad file."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exporter.config import Config, ConfigError, load
from exporter.config.credentials import Secret
from exporter.config.reload import Reloader, Watch

FILES = Path(__file__).parents[2] / "samples" / "config" / "files"
INTERVAL = 0.02
LONG = 30.0  # seconds within which something must happen; never waited for in a run that succeeds
QUIET = 20 * INTERVAL  # seconds in which something must not happen


class Use:
    """What a program would do with a reloader: remembers what was applied and reported."""

    def __init__(self, path: Path | None, interval: float = INTERVAL) -> None:
        self.applied: list[Config] = []
        self.reports: list[bool] = []
        self.times: list[float] = []
        self.fail = False
        self.reloader = Reloader(path, self._apply, self._report, interval=interval, clock=lambda: 1000.0)

    def _apply(self, config: Config) -> None:
        if self.fail:
            raise OSError("no port")
        self.applied.append(config)

    def _report(self, success: bool, timestamp: float) -> None:
        self.reports.append(success)
        self.times.append(timestamp)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.reloader.start()
        task = asyncio.create_task(self.reloader.run())
        await asyncio.sleep(2 * INTERVAL)
        try:
            yield
            assert not task.done(), "the reloader died"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def reports_reach(self, count: int) -> None:
        await until(lambda: len(self.reports) >= count)
        await asyncio.sleep(QUIET)
        assert len(self.reports) == count


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not happened():
            await asyncio.sleep(INTERVAL / 4)


def run(story: Awaitable[None]) -> None:
    async def main() -> None:
        await story

    asyncio.run(main())


def replace(path: Path, text: str | bytes) -> None:
    """As an editor does: a new file moved over the old one."""
    fresh = path.with_name(".fresh")
    fresh.write_bytes(text.encode() if isinstance(text, str) else text)
    fresh.replace(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "threatboard.yaml"
    path.write_text("series: {limit: 100}")
    return path


def test_a_changed_file_is_taken_into_use_and_reported(file: Path) -> None:
    async def story() -> None:
        use = Use(file)
        async with use.running():
            replace(file, "series: {limit: 200}")
            await use.reports_reach(2)
        assert [config.series.limit for config in use.applied] == [200]
        assert use.reloader.config.series.limit == 200
        assert use.reports == [True, True]
        assert use.times == [1000.0, 1000.0]

    run(story())


def test_a_bad_file_is_refused_whole_logged_once_and_the_old_stays(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = "series: {limit: 0, settle: 5s}\nevents: {kep: 1}"

    async def story() -> None:
        use = Use(file)
        async with use.running():
            replace(file, bad)
            await use.reports_reach(2)
            os.kill(os.getpid(), signal.SIGHUP)
            await use.reports_reach(3)
            assert use.applied == []
            assert use.reloader.config.series.settle == 600.0
            replace(file, "series: {limit: 300}")
            await use.reports_reach(4)
        assert use.reports == [True, False, False, True]
        assert [config.series.limit for config in use.applied] == [300]

    with caplog.at_level(logging.INFO, "threatboard"):
        run(story())
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    first, second = "series.limit: must be at least 1, not 0", "events.kep: unknown key, did you mean keep?"
    assert errors == [f"configuration: refused, the one in use stays:\n{file}:1: {first}\n{file}:2: {second}"]


def test_a_file_that_became_empty_is_refused_and_one_that_says_nothing_is_not(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        use = Use(file)
        async with use.running():
            replace(file, "\n")
            await use.reports_reach(2)
            assert use.applied == []
            replace(file, "{}")
            await use.reports_reach(3)
            replace(file, "")  # the defaults are in use already
            await use.reports_reach(4)
        assert use.reports == [True, False, True, True]

    run(story())
    assert f"{file}: is empty; write `{{}}` to go back to the defaults" in caplog.text


def test_the_same_mistake_is_logged_again_after_a_good_file(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        use = Use(file)
        async with use.running():
            for count, text in enumerate(("[", "{}", "["), 2):
                replace(file, text)
                await use.reports_reach(count)
        assert use.reports == [True, False, True, False]

    run(story())
    assert [record.levelname for record in caplog.records].count("ERROR") == 2


def test_a_config_map_that_is_swapped_by_its_link_is_noticed(tmp_path: Path) -> None:
    """As the kubelet does: file -> ..data/file, and ..data is renamed over to point at a new folder."""
    for number, limit in (("1", 100), ("2", 200)):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "threatboard.yaml").write_text(f"series: {{limit: {limit}}}")
    (tmp_path / "..data").symlink_to("..1")
    file = tmp_path / "threatboard.yaml"
    file.symlink_to("..data/threatboard.yaml")

    async def story() -> None:
        use = Use(file)
        async with use.running():
            (tmp_path / "..data_tmp").symlink_to("..2")
            (tmp_path / "..data_tmp").replace(tmp_path / "..data")
            shutil.rmtree(tmp_path / "..1")
            await use.reports_reach(2)
        assert [config.series.limit for config in use.applied] == [200]

    run(story())


def test_a_rotated_token_is_taken_into_use_and_never_logged(
    tmp_path: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tmp_path / "token"
    token.write_text("first-secret\n")
    file.write_text("intake: {auth: {token_file: token}}")

    async def story() -> None:
        use = Use(file)
        async with use.running():
            replace(token, "second-secret\n")
            await use.reports_reach(2)
            replace(token, "third-secret\nbroken")
            await use.reports_reach(3)
            token.unlink()
            await use.reports_reach(4)
        assert use.reports == [True, True, False, False]
        assert [config.intake.auth.token for config in use.applied] == [Secret(b"second-secret")]
        assert use.reloader.config.intake.auth.token == Secret(b"second-secret")

    with caplog.at_level(logging.DEBUG):
        run(story())
    assert "token" in caplog.text
    assert "secret" not in caplog.text


def test_a_certificate_rotated_before_its_key_is_refused_until_the_key_follows(tmp_path: Path, file: Path) -> None:
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    shutil.copy(FILES / "server.pem", cert)
    shutil.copy(FILES / "server.key", key)
    file.write_text("intake: {tls: {cert_file: tls.crt, key_file: tls.key}}")

    async def story() -> None:
        use = Use(file)
        async with use.running():
            before = use.reloader.config.intake.tls.context
            replace(cert, (FILES / "ca.pem").read_bytes())
            await use.reports_reach(2)
            assert use.reports == [True, False]
            assert use.reloader.config.intake.tls.context is before
            replace(key, (FILES / "other.key").read_bytes())
            await use.reports_reach(3)
        assert use.reports == [True, False, True]
        assert use.applied[0].intake.tls.context is not before

    run(story())


def test_a_missing_file_that_only_a_refused_configuration_names_is_waited_for(tmp_path: Path, file: Path) -> None:
    async def story() -> None:
        use = Use(file)
        async with use.running():
            replace(file, "intake: {auth: {token_file: token}}")
            await use.reports_reach(2)
            replace(tmp_path / "token", "abc")
            await use.reports_reach(3)
        assert use.reports == [True, False, True]

    run(story())


def test_a_change_between_the_first_load_and_the_first_look_is_noticed(file: Path) -> None:
    async def story() -> None:
        use = Use(file)
        use.reloader.start()
        replace(file, "series: {limit: 200}")
        task = asyncio.create_task(use.reloader.run())
        await use.reports_reach(2)
        task.cancel()
        assert [config.series.limit for config in use.applied] == [200]

    run(story())


def test_a_token_that_rotates_while_the_configuration_is_read_is_read_again(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that a configuration names are watched since before they were read, the first time too."""
    (tmp_path / "token").write_text("old")
    file.write_text("intake: {auth: {token_file: token}}")
    loads = []

    def load_then_rotate(path: Path | None) -> Config:
        config = load(path)
        loads.append(config)
        (tmp_path / "token").write_text("new")
        return config

    monkeypatch.setattr("exporter.config.reload.load", load_then_rotate)
    assert Use(file).reloader.start().intake.auth.token == Secret(b"new")
    assert len(loads) == 2


def test_a_hangup_loads_at_once_without_waiting_for_the_interval(file: Path) -> None:
    async def story() -> None:
        use = Use(file, interval=1000.0)
        async with use.running():
            replace(file, "series: {limit: 200}")
            os.kill(os.getpid(), signal.SIGHUP)
            await use.reports_reach(2)
        assert [config.series.limit for config in use.applied] == [200]

    run(story())


def test_a_hangup_without_a_change_is_reported_too(file: Path) -> None:
    async def story() -> None:
        use = Use(file)
        async with use.running():
            os.kill(os.getpid(), signal.SIGHUP)
            await use.reports_reach(2)
        assert len(use.applied) == 1

    run(story())


def test_a_storm_of_hangups_is_one_reload(file: Path) -> None:
    async def story() -> None:
        use = Use(file, interval=1000.0)
        async with use.running():
            for _ in range(200):
                os.kill(os.getpid(), signal.SIGHUP)
                await asyncio.sleep(0)
            await use.reports_reach(2)

    run(story())


def test_without_a_configuration_file_a_hangup_ends_nothing() -> None:
    async def story() -> None:
        use = Use(None)
        async with use.running():
            os.kill(os.getpid(), signal.SIGHUP)
            await use.reports_reach(2)
        assert use.applied == [Config()]

    run(story())


def test_a_configuration_that_cannot_be_applied_leaves_the_old_and_the_reloader_alive(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        use = Use(file)
        async with use.running():
            use.fail = True
            replace(file, "series: {limit: 200}")
            await use.reports_reach(2)
            assert use.reloader.config.series.limit == 100
            use.fail = False
            os.kill(os.getpid(), signal.SIGHUP)
            await use.reports_reach(3)
        assert use.reports == [True, False, True]

    run(story())
    assert "could not be taken into use" in caplog.text


def test_what_waits_for_a_restart_is_named_until_it_is_taken_back(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Compared with what the program was started with, not with the last file."""

    async def story() -> None:
        use = Use(file)
        async with use.running():
            for count, text in enumerate(
                ("events: {log: false}", "events: {log: false, keep: 5}", "events: {keep: 5}"), 2
            ):
                replace(file, text)
                await use.reports_reach(count)

    run(story())
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["configuration: waits for a restart: events.log"] * 2


def test_the_first_load_has_nothing_to_fall_back_to(file: Path) -> None:
    file.write_text("[")
    use = Use(file)
    with pytest.raises(ConfigError):
        use.reloader.start()
    assert use.reports == []


def test_a_watch_tells_a_change_once_and_only_when_the_file_holds_still(tmp_path: Path) -> None:
    """A file caught while it is written may be valid and mean something else."""
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_text("whole")
    watch = Watch([path, other])
    assert watch.changed() == ()
    path.write_text("")
    assert watch.changed() == ()
    path.write_text("whole and more")
    assert watch.changed() == ()
    assert watch.changed() == (path,)
    assert watch.changed() == ()
    path.touch()
    assert (watch.changed(), watch.changed()) == ((), ())
    other.write_text("appears")
    assert (watch.changed(), watch.changed()) == ((), (other,))
    other.unlink()
    other.mkdir()
    assert (watch.changed(), watch.changed()) == ((), (other,))


def test_a_watch_never_hangs_on_what_is_no_file(tmp_path: Path) -> None:
    """Opening a pipe would wait for its other end for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert Watch([tmp_path / "pipe"]).changed() == ()
