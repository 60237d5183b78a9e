"""The chart as it is published: what a catalogue shows of it is there, and what it links to exists."""

import re
import tarfile
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.helm.chart import ROOT, notes, objects
from tests.helm.package import main

SOURCE, FILES = "https://git.example.com/threatboard", "https://git.example.com/threatboard/raw"
IMAGE = "registry.example.com/threatboard"


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, unpacked."""
    folder = tmp_path_factory.mktemp("published")
    assert main(["--source", SOURCE, "--files", FILES + "/", "--image", IMAGE, "--to", str(folder)]) == 0
    (archive,) = folder.iterdir()
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "threatboard"


def test_a_catalogue_can_show_it(chart: Path) -> None:
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    assert (about["home"], about["sources"]) == (SOURCE, [SOURCE])
    shown: dict[str, Any] = {
        name: yaml.safe_load(about["annotations"][f"artifacthub.io/{name}"])
        for name in ("images", "links", "screenshots", "changes")
    }
    assert shown["images"] == [{"name": "threatboard", "image": f"{IMAGE}:{about['appVersion']}"}]
    places = [entry["url"] for name in ("links", "screenshots") for entry in shown[name] if entry["url"] != SOURCE]
    assert len(places) >= 8
    assert [place for place in places if not (ROOT / place.removeprefix(FILES + "/")).is_file()] == []


def test_every_link_of_its_readme_leads_somewhere(chart: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", (chart / "README.md").read_text())
    assert len(links) >= 8
    assert [link for link in links if not (ROOT / link.removeprefix(FILES + "/")).is_file()] == []


def test_it_installs_the_published_image(chart: Path) -> None:
    made = objects({}, chart=chart)
    pods = [found["spec"]["template"]["spec"] for found in made if found["kind"] == "Deployment"]
    assert pods[0]["containers"][0]["image"] == f"{IMAGE}:0.1.0"
    assert "NOBODY'S" not in notes({}, chart=chart)
    assert helm_python.lint(chart, {}, strict=True)["errors"] == []


def test_nothing_is_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Without being told where the project is published, nothing is packaged."""
    for image in ([], ["--image", ""]):  # as `make package` without IMAGE
        with pytest.raises(SystemExit):
            main(["--source", SOURCE, "--files", FILES, *image])
        assert "--image" in capsys.readouterr().err.splitlines()[-1]
