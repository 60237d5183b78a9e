"""`make notes`: what Helm will say, without a cluster."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.helm import notes
from tests.helm.chart import EXAMPLES, ROOT, example
from tests.helm.chart import notes as rendered


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_it_prints_the_notes_of_the_values(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notes.main([str(path)]) == 0
    assert capsys.readouterr().out == rendered(example(path)) + "\n"


def test_a_later_file_wins_and_release_and_namespace_are_the_given_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, empty = (tmp_path / name for name in ("1.yaml", "2.yaml", "3.yaml"))
    first.write_text("controls: {ids: false, waf: true}\n")
    second.write_text("controls: {waf: false}\n")
    empty.write_text("# nothing\n")
    assert notes.main(["--release", "events", "--namespace", "shop", *map(str, (first, second, empty))]) == 0
    printed = capsys.readouterr().out
    assert "http://events-threatboard.shop.svc:2801/falco" in printed
    assert not re.search("^(FALCO|WAF)", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("reciever: {}\n", "additional properties 'reciever' not allowed"),
        ("metrics: {protect: true}\n", "set metrics.auth.existingSecret"),
        ("- a\n", "no mapping of values"),
        ("a: [\n", "while parsing"),
        ("image: {}\nimage: {}\n", "given twice"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    assert notes.main([str(file)]) == 1
    assert sentence in capsys.readouterr().err


def test_make_hands_on_what_it_is_given() -> None:
    command = ["make", "--dry-run", "--old-file=.venv/dev.done", "notes", "VALUES=a.yaml b.yaml", "NAMESPACE=shop"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"tests\.helm\.notes\s+(?:\\\s+)?--namespace \"shop\" a\.yaml b\.yaml", done.stdout), done.stdout
