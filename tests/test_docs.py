"""What the documentation says is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "rules").rglob("*.md")]
    if ".venv" not in page.parts
)
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What a link to a heading of this page may end with."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text())
    ours = [(page.parent / link if link else page, anchor) for link, anchor in links if "://" not in link]
    assert [anchor for target, anchor in ours if target.suffix == ".md" and anchor not in anchors(target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_commands_exist(page: Path) -> None:
    named = set(re.findall(r"(?:`|\$ |^)(?:KEEP=1 )?make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named <= TARGETS


def test_places_for_new_things_exist() -> None:
    places = re.findall(r"`([a-z_]+/[a-z_/.]*)`", (ROOT / "docs" / "adding.md").read_text())
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_the_readme_names_every_folder_and_command() -> None:
    readme = (ROOT / "README.md").read_text()
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    folders -= {"build", "dist", *(name for name in folders if name.endswith(".egg-info"))}
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in readme] == []
    commands = re.findall(r'add_parser\("([a-z-]+)"', (ROOT / "exporter" / "__main__.py").read_text())
    assert [command for command in commands if f"threatboard {command}" not in readme] == []
