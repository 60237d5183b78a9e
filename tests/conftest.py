"""Real programs and servers for tests. A test whose program this machine lacks is skipped; with CI=true it fails."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from demo import tools
from demo.alertmanager import Alertmanager
from demo.prometheus import Prometheus
from demo.slack import Slack

# A busy machine is slow now and then: what a test says of time is measured in `make bench`.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With the newest servers (`make test-newest`) only tests that use one run; firewalls and shippers are none."""
    if tools.newest():
        firewalls = Path(__file__).parent / "waf"
        others = [
            item
            for item in items
            if "tool" not in getattr(item, "fixturenames", ()) or item.path.is_relative_to(firewalls)
        ]
        items[:] = [item for item in items if item not in set(others)]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """Where a program of `demo.tools.TOOLS` is: `tool("promtool")`."""

    def find(name: str) -> Path:
        found = tools.find(name)
        if found is None:
            reason = (
                f"{name} is neither on the PATH nor in .tools/; `python -m demo.tools {name}` gets it or says why not"
            )
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return found

    return find


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    """Ends, in reverse order, what a test enters into it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_prometheus(
    tool: Callable[[str], Path], servers: ExitStack, tmp_path: Path
) -> Callable[[str, str], Prometheus]:
    """Starts a Prometheus with this configuration; one of the same name, started later, has its data."""

    def start(config: str, name: str) -> Prometheus:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return servers.enter_context(Prometheus(tool("prometheus"), config, folder))

    return start


@pytest.fixture
def start_alertmanager(
    tool: Callable[[str], Path], servers: ExitStack, tmp_path: Path
) -> Callable[[str], Alertmanager]:
    """Starts an Alertmanager with this configuration."""
    return lambda config: servers.enter_context(Alertmanager(tool("alertmanager"), config, tmp_path))


@pytest.fixture
def slack(servers: ExitStack) -> Slack:
    """A stand-in for Slack that is listening."""
    return servers.enter_context(Slack())
