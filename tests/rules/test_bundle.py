"""What is generated is committed, fresh, and holds everything; its links are right or absent."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from rules import __main__ as command
from rules import bundle
from rules.tree import LONGEST_GROUP, ROOT, load


def test_what_is_generated_is_fresh_to_the_byte() -> None:
    assert bundle.stale(load()) == []


def test_no_generated_file_is_ignored_by_git() -> None:
    files = [str(path) for path in bundle.generated(load())]
    done = subprocess.run(["git", "check-ignore", *files], cwd=bundle.REPOSITORY, capture_output=True, text=True)
    assert done.stdout == ""


def test_a_stale_or_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "REPOSITORY", tmp_path)
    tree = load()
    assert len(bundle.stale(tree)) == len(bundle.generated(tree))
    for path, text in bundle.generated(tree).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert [line.split(" is ")[1] for line in bundle.stale(tree)] == ["stale: run python -m rules"] * 4


def test_check_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle, "REPOSITORY", tmp_path)
    assert command.main(["--check"]) == 1
    assert "is missing: run python -m rules" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_chart_s_file_holds_every_rule_once_with_recordings_before_their_readers() -> None:
    text = (bundle.REPOSITORY / "helm/threatboard/files/rules.yaml").read_text(encoding="utf-8")
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    tree = load()
    assert sorted(r.get("alert", r.get("record")) for r in rules) == sorted(rule.name for rule in tree.rules)
    assert [rule["expr"] for rule in rules][: len(tree.recordings)] == [rule.expr for rule in tree.recordings]
    links = [rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule]
    for link in links:
        assert (ROOT / "alerts" / link.removeprefix("RUNBOOKS/")).is_file(), link
    boards = {path.stem for path in (bundle.REPOSITORY / "helm/threatboard/files/dashboards").iterdir()}
    opened = [rule["annotations"]["dashboard_url"].partition("?")[0] for rule in rules if "alert" in rule]
    assert {link.removeprefix("GRAFANA/d/threatboard-") for link in opened} <= boards


def test_plain_files_have_links_where_a_base_is_given_and_none_otherwise(tmp_path: Path) -> None:
    bases = ["--runbooks", "https://docs.example/alerts/", "--grafana", "https://grafana.example"]
    assert command.main(["--out", str(tmp_path / "with"), *bases]) == 0
    assert command.main(["--out", str(tmp_path / "without")]) == 0
    found = yaml.safe_load((tmp_path / "with" / "threatboard-rules.yaml").read_text(encoding="utf-8"))
    alert = next(
        rule for group in found["groups"] for rule in group["rules"] if rule.get("alert") == "IdsCriticalAlert"
    )
    assert alert["annotations"]["runbook_url"] == "https://docs.example/alerts/ids/IdsCriticalAlert.md"
    link = alert["annotations"]["dashboard_url"]
    assert link.startswith("https://grafana.example/d/threatboard-ids?{{ with $labels.cluster }}var-cluster=")
    for label in ("cluster", "namespace", "workload", "pod"):
        assert f"{{{{ with $labels.{label} }}}}var-{label}={{{{ . | urlquery }}}}&{{{{ end }}}}" in link
    assert "from=" in link
    assert "&to=" in link
    bare = (tmp_path / "without" / "threatboard-rules.yaml").read_text(encoding="utf-8")
    assert "_url" not in bare
    thresholds = (tmp_path / "without" / "threatboard-thresholds.yaml").read_text(encoding="utf-8")
    assert "threat:threshold" in thresholds
    assert "record: threat:threshold" not in bare


def test_promtool_accepts_what_is_generated(tool: Callable[[str], Path], tmp_path: Path) -> None:
    assert command.main(["--out", str(tmp_path), "--runbooks", "https://docs.example"]) == 0
    files = [*tmp_path.glob("*.yaml"), bundle.REPOSITORY / "helm/threatboard/files/rules.yaml"]
    done = subprocess.run([tool("promtool"), "check", "rules", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(files) == 3


def test_groups_are_split_where_they_are_long_and_lose_no_rule(tmp_path: Path) -> None:
    assert command.main(["--out", str(tmp_path)]) == 0
    files = [*tmp_path.glob("*.yaml"), bundle.REPOSITORY / "helm/threatboard/files/rules.yaml"]
    for file in files:
        groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        assert max(len(group["rules"]) for group in groups) <= LONGEST_GROUP, file
        assert len({group["name"] for group in groups}) == len(groups), file
    chart = yaml.safe_load(files[-1].read_text(encoding="utf-8"))["groups"]
    assert sum(len(group["rules"]) for group in chart) == len(load().rules)


def test_a_base_without_out_is_refused() -> None:
    with pytest.raises(SystemExit):
        command.main(["--runbooks", "https://docs.example"])


def test_the_command_runs_as_a_module_and_finds_nothing_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rules", "--check"], cwd=bundle.REPOSITORY, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
