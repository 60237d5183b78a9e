"""`python -m dashboards`: what is generated is in the repository, whole and fresh, and nothing else is."""

import subprocess
from pathlib import Path

import pytest

from dashboards.__main__ import FOLDER, PAGE, faults, main, rendered, write

ROOT = Path(__file__).parent.parent.parent


def test_the_files_in_the_repository_are_what_the_code_says() -> None:
    assert faults(ROOT) == []


def test_the_same_code_gives_the_same_bytes() -> None:
    assert rendered() == rendered()


def test_a_file_that_is_missing_stale_or_of_no_board_is_found_and_put_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    assert main(["--check", "--root", str(tmp_path)]) == 0
    (tmp_path / FOLDER / "ids.json").unlink()
    (tmp_path / FOLDER / "policy.json").write_text("{}")
    (tmp_path / FOLDER / "old.json").write_text("{}")
    (tmp_path / PAGE).write_text("")
    assert main(["--check", "--root", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    for words in ("old.json belongs to no board", "ids.json is missing", "policy.json is not what", "boards.md is not"):
        assert words in told
    assert main(["--root", str(tmp_path)]) == 0
    assert faults(tmp_path) == []


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []


def test_git_sees_every_generated_file() -> None:
    paths = [str(path) for path in rendered()]
    ignored = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout == ""


def test_a_board_fits_into_a_config_map() -> None:
    for path, text in rendered().items():
        if path.parent == FOLDER:
            assert len(text.encode()) < 256 * 1024, path
