"""The configuration file: what is read, what is refused and in which words, and that no secret is shown."""

import dataclasses
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Config, ConfigError, describe, load, named_files, restart_needed
from exporter.config.kinds import DURATION, SIZE, Address
from exporter.config.reader import Loader
from exporter.config.schema import Setting, rows

SAMPLES = Path(__file__).parents[2] / "samples" / "config"
PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
SECRET = "swordfish-7c1f"  # the content of files/good.token
CHANGES = {"live": "live", "restart": "restart", "live, on or off at restart": "switch"}


def messages() -> dict[str, str]:
    """File name -> the exact message, from messages.txt: paragraphs whose lines begin with the file's name."""
    paragraphs = (SAMPLES / "messages.txt").read_text("utf-8").split("\n\n")[1:]
    return {text.partition(":")[0]: text.strip("\n") for text in paragraphs}


@pytest.fixture(autouse=True)
def _in_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)


def written(folder: Path, text: str) -> Path:
    path = folder / "threatboard.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("invalid-*.yaml")))
def test_a_mistake_gets_exactly_this_message(name: str) -> None:
    """Every invalid sample has its message in messages.txt, word for word, and one line for each fault."""
    with pytest.raises(ConfigError) as caught:
        load(Path(name))
    assert str(caught.value) == messages()[name].replace("{folder}", str(SAMPLES))
    assert all(line.startswith(name) for line in caught.value.faults)


def test_every_message_belongs_to_a_sample() -> None:
    assert set(messages()) == {path.name for path in SAMPLES.glob("invalid-*.yaml")}


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("valid-*.yaml")))
def test_what_is_described_is_read_back_as_the_same(name: str, tmp_path: Path) -> None:
    """Every valid sample loads, and the text that check-config prints is a configuration with the same values."""
    config = load(Path(name))
    assert load(written(tmp_path, describe(config))) == config


@pytest.mark.parametrize("name", ["empty", "comments", "sections-empty", "blank-files"])
def test_a_file_that_sets_nothing_gives_the_defaults(name: str) -> None:
    assert load(Path(f"valid-{name}.yaml")) == load(None) == Config()


def test_every_setting_reaches_its_attribute() -> None:
    """The full sample sets everything to something else than the default, and arrives as Python values."""
    config, defaults = load(Path("valid-full.yaml")), Config()
    for row in rows(Config):
        if "[]" not in row.path:
            value, default = config, defaults
            for name in row.path.split("."):
                value, default = getattr(value, name), getattr(default, name)
            assert value != default, row.path
    assert config.intake.listen == Address("::1", 0)
    assert config.metrics.listen == Address("localhost", 9376)
    assert (config.intake.max_body, config.intake.head_timeout, config.intake.body_timeout) == (65536, 0.5, 90.0)
    assert (config.series.idle_expiry, config.series.settle, config.series.zero_hold) == (129600.0, 0.0, 90.0)
    assert config.intake.tls.cert_file == SAMPLES / "files" / "server.pem"
    first, second = config.falco.tuning
    assert first.match == {
        "rule": ("Terminal shell in container", "Read *"),
        "k8s_ns_name": ("",),
        "proc.pid": ("42",),
        "user.name": ("yes",),
    }
    assert (first.action, first.priority, first.reason) == ("suppress", None, "the nightly scanner")
    assert (second.action, second.priority) == ("set_priority", "informational")


def test_anchors_and_merges_work_and_own_keys_win() -> None:
    config = load(Path("valid-anchors.yaml"))
    assert config.metrics.tls.cert_file == config.intake.tls.cert_file
    assert [entry.match["rule"] for entry in config.falco.tuning] == [("Noise",), ("Other noise",)]
    assert {entry.reason for entry in config.falco.tuning} == {"the nightly scanner"}


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("0s", 0), ("90s", 90), ("1h30m", 5400), ("1500ms", 1.5)])
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert DURATION.parse(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("1MiB", 1 << 20), ("64KiB", 65536), ("1MB", 10**6), ("7", 7), ("7B", 7)])
def test_a_size_is_bytes(text: str, size: int) -> None:
    assert SIZE.parse(text) == size


@given(thousandths=st.integers(0, 366 * 86_400_000), size=st.integers(0, 1 << 30))
def test_durations_and_sizes_are_shown_as_they_can_be_read(thousandths: int, size: int) -> None:
    assert DURATION.parse(str(DURATION.show(thousandths / 1000))) == pytest.approx(thousandths / 1000)
    assert SIZE.parse(str(SIZE.show(size))) == size


@pytest.fixture(scope="module")
def any_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "any.yaml"


FULL = (SAMPLES / "valid-full.yaml").read_text("utf-8")
POSITION = st.integers(0, len(FULL))
DAMAGED = st.builds(lambda at, until, put: FULL[:at] + put + FULL[until:], POSITION, POSITION, st.text(max_size=20))


@given(text=st.text() | st.text("-&*<[]{}:,'\"!| \n#ab0", max_size=60) | DAMAGED)
def test_any_text_is_read_or_refused_with_a_sentence(text: str, any_file: Path) -> None:
    """Whatever is in the file, the only error is a ConfigError that names the file in every line."""
    any_file.write_bytes(text.encode("utf-8", "surrogatepass"))
    faults: tuple[str, ...] = ()
    try:
        load(any_file)
    except ConfigError as error:
        faults = error.faults
    assert all(fault.startswith(str(any_file)) and "\n" not in fault for fault in faults)


def test_a_configuration_that_is_not_there_or_is_a_folder_is_a_sentence(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "no.yaml", "cannot be read: No such file or directory"),
        (tmp_path, "is not a file"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {words}"


def test_a_refused_configuration_still_tells_which_files_it_names() -> None:
    """So that a reload can be tried again when one of them appears."""
    with pytest.raises(ConfigError) as caught:
        load(Path("invalid-token-missing.yaml"))
    assert caught.value.files == (SAMPLES / "files" / "nowhere.token",)


def test_files_are_read_relative_to_the_configuration_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load(Path(os.path.relpath(SAMPLES / "valid-full.yaml", tmp_path)))
    assert config.intake.auth.token is not None
    assert all(path.is_absolute() for path in named_files(config))
    assert len(named_files(config)) == 11


@pytest.mark.parametrize("name", sorted(messages()))
def test_no_message_quotes_a_token(name: str) -> None:
    """Also where it was written into the configuration itself."""
    with pytest.raises(ConfigError) as caught:
        load(Path(name))
    assert SECRET not in str(caught.value)


# Live or restart, and the page ----------------------------------------------------------------------------------------


def test_only_what_cannot_change_while_running_waits_for_a_restart(tmp_path: Path) -> None:
    full = load(Path("valid-full.yaml"))
    switched = [f"intake.tls.{name}" for name in ("cert_file", "key_file", "client_ca_file")]
    switched += [f"metrics.tls.{name}" for name in ("cert_file", "key_file")]
    assert set(restart_needed(Config(), full)) == {
        "intake.listen",
        "metrics.listen",
        "series.state_dir",
        "events.log",
        "cluster.enabled",
        "cluster.kubeconfig",
        "cluster.configmaps.falco",
        "cluster.configmaps.cilium",
        "alertmanager.urls",
        "alertmanager.state_dir",
        *switched,
    }
    assert restart_needed(full, full) == []
    other = dataclasses.replace(full.intake.tls, cert_file=Path("/elsewhere.pem"))
    assert restart_needed(full, dataclasses.replace(full, intake=dataclasses.replace(full.intake, tls=other))) == []


def documented() -> dict[str, tuple[str, str, str]]:
    """Setting -> type, default and change, from the tables of the page."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\| `([a-z_.\[\]]+)` \| (.+?) \| (.+?) \| (.+?) \| (.+) \|", line):
            found[match[1]] = (match[2], match[3].strip("`"), CHANGES[match[4]])
    return found


def in_the_code(about: Setting) -> tuple[str, str, str]:
    return about.kind.name, about.default or ("required" if about.required else "–"), about.change


def test_the_page_has_every_setting_with_its_default_and_none_besides() -> None:
    assert documented() == {row.path: in_the_code(row.setting) for row in rows(Config)}


def test_the_page_tells_every_lower_bound() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    for row in rows(Config):
        line = next(line for line in lines if line.startswith(f"| `{row.path}` "))
        assert re.findall(r"at least `(\w+)`", line) == ([row.setting.at_least] if row.setting.at_least else [])


def test_the_example_of_the_page_is_valid(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").split("```yaml\n")[1].partition("```")[0]
    (tmp_path / "token").write_text("abc")
    config = load(written(tmp_path, example.replace("/etc/threatboard/", "")))
    assert config.falco.tuning[0].match["k8s_ns_name"] == ("dev-*",)


@pytest.mark.timeout(20)
def test_what_is_no_file_is_told_and_neither_waited_for_nor_read_without_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/zero"), tmp_path):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: is not a file"


@pytest.mark.parametrize("nested", ["[", "{", "- ", "? ", "{a: ", "[{a: ", "!!seq [", "- ? "])
def test_nesting_is_bounded_before_work_goes_into_it(
    nested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 KB of `[` took seconds."""
    read = 0
    fetch = Loader.fetch_more_tokens

    def counted(self: Loader) -> None:
        nonlocal read
        read += 1
        assert read < 4000, "goes on reading"
        fetch(self)

    monkeypatch.setattr(Loader, "fetch_more_tokens", counted)
    path = written(tmp_path, "intake:\n  listen: " * (nested[0] in "[{!") + nested * 20_000)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert re.fullmatch(rf"{re.escape(str(path))}:\d+: is nested more than 32 deep", str(caught.value))
