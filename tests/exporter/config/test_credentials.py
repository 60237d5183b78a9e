"""Tokens and certificates: checked when they are read, ready for use, and shown nowhere."""

import copy
import dataclasses
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config import Config, ConfigError, describe, load
from exporter.config.credentials import Secret

FULL = Path(__file__).parents[2] / "samples" / "config" / "valid-full.yaml"
SECRET = "swordfish-7c1f"  # the content of files/good.token


def written(folder: Path, text: str) -> Path:
    path = folder / "threatboard.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_tls_contexts_are_ready_for_use() -> None:
    config = load(FULL)
    assert config.intake.tls.context is not None
    assert config.metrics.tls.context is not None
    assert config.intake.tls.context.verify_mode is ssl.CERT_REQUIRED
    assert config.metrics.tls.context.verify_mode is ssl.CERT_NONE
    assert config.intake.tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert Config().intake.tls.context is None


def test_a_secret_is_shown_nowhere() -> None:
    """Print the configuration in every way there is and search for the token."""
    config = load(FULL)
    shown = [
        repr(config),
        str(config),
        f"{config.intake.auth.token}",
        repr(dataclasses.asdict(config.intake.auth)),
        repr(copy.deepcopy(config.intake.auth)),
        repr(dataclasses.astuple(config.falco)),
        describe(config),
    ]
    assert [text for text in shown if SECRET in text] == []
    assert "Secret(hidden)" in shown[0]


def test_a_secret_matches_only_itself() -> None:
    secret = Secret(b"abc")
    assert secret.matches(b"abc")
    assert not secret.matches(b"abcd")
    assert not secret.matches("ä".encode())
    assert secret == Secret(b"abc") != Secret(b"abd")


@pytest.mark.parametrize(
    ("content", "token"), [(b"abc", b"abc"), (b"abc\n", b"abc"), (b"abc\r\n", b"abc"), (b"a b", b"a b")]
)
def test_a_token_file_may_end_in_one_newline(content: bytes, token: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    config = load(written(tmp_path, "intake: {auth: {token_file: token}}"))
    assert config.intake.auth.token == Secret(token)


@pytest.mark.parametrize("content", [b"abc\n\n", b" abc", b"abc ", b"a\0c", b"\n", b"a" * 4097])
def test_a_token_that_no_request_can_send_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match=r"threatboard\.yaml:1: intake\.auth\.token_file: "):
        load(written(tmp_path, "intake: {auth: {token_file: token}}"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_file_that_may_not_be_read_is_a_fault(open_folder: Path) -> None:
    """Also when the tests run as root, who may read everything: then somebody else loads."""
    token = open_folder / "token"
    token.write_text("abc")
    token.chmod(0)
    path = written(open_folder, "intake: {auth: {token_file: token}}")
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigError) as caught:
            load(path)
    finally:
        if root:
            os.seteuid(0)
    assert str(caught.value) == f"{path}:1: intake.auth.token_file: {token} cannot be read: Permission denied"
