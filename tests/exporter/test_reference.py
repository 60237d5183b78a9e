"""docs/metrics.md says what the catalog says."""

from pathlib import Path

import pytest

from exporter import catalog, reference


def test_the_page_is_fresh() -> None:
    assert reference.main(["--check"]) == 0


def test_a_stale_page_is_told_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "PAGE", tmp_path / "metrics.md")

    assert reference.main(["--check"]) == 1
    assert "make generate" in capsys.readouterr().err
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0


def test_every_metric_label_and_reason_has_its_line() -> None:
    page = reference.page()

    missing = [name for name in (*catalog.METRICS, *catalog.LABELS, *catalog.REJECT_REASONS) if f"`{name}`" not in page]
    assert missing == []
