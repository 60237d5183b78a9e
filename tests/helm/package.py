"""The chart as somebody publishes it: with what only they know, as an archive.

    python -m tests.helm.package --source URL --files URL --image REPOSITORY [--to FOLDER]

`--source` is where the repository is seen, `--files` where its files are served as they are, `--image` where the image
of the chart's version has been pushed. Links, screenshots and image go into the annotations that a catalogue of charts
reads, the image into the values, and the README's links lead to `--files`.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import helm_python
import yaml

from tests.helm.chart import CHART, ROOT

PAGES = {
    "Installation": "docs/install.md",
    "Alerts": "docs/alerts.md",
    "Boards": "docs/boards.md",
    "Changes": "CHANGELOG.md",
}

SCREENS = {
    "The overview, during an attack": "docs/images/overview.png",
    "Falco's alerts": "docs/images/ids.png",
    "Network": "docs/images/network.png",
    "One namespace, to investigate": "docs/images/investigate.png",
}


def about(source: str, files: str, image: str) -> dict[str, object]:
    """What is added to Chart.yaml."""
    own = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    links = [{"name": "Source", "url": source}]
    links += [{"name": name, "url": f"{files}/{path}"} for name, path in PAGES.items()]
    lists = {
        "images": [{"name": own["name"], "image": f"{image}:{own['appVersion']}"}],
        "links": links,
        "screenshots": [{"title": title, "url": f"{files}/{path}"} for title, path in SCREENS.items()],
    }
    annotations = {
        f"artifacthub.io/{name}": yaml.safe_dump(entries, sort_keys=False) for name, entries in lists.items()
    }
    return {**own, "home": source, "sources": [source], "annotations": {**own["annotations"], **annotations}}


def package(source: str, files: str, image: str, folder: Path) -> Path:
    """Writes the archive into `folder`; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        chart = Path(shutil.copytree(CHART, Path(work, CHART.name)))
        text = yaml.safe_dump(about(source, files, image), sort_keys=False, allow_unicode=True)
        (chart / "Chart.yaml").write_text(text, encoding="utf-8")
        places = {f"]({up}": f"]({files}/{path}" for up, path in (("../../", ""), ("ci/", "helm/threatboard/ci/"))}
        _replace(
            chart / "README.md", {**places, '`"threatboard"` | Where you pushed': f'`"{image}"` | Where you pushed'}
        )
        _replace(chart / "values.yaml", {"repository: threatboard  #": f"repository: {image}  #"})
        _replace(chart / "files/defaults.yaml", {"image.repository: threatboard\n": f"image.repository: {image}\n"})
        return Path(helm_python.package(chart, destination=folder))


def _replace(file: Path, texts: dict[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in texts.items():
        assert old in text, f"{file.name} has no {old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def _given(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("is empty, and only who publishes the chart knows it")
    return text.rstrip("/")


def main(arguments: list[str] | None = None) -> int:
    """Prints where the archive is."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.helm.package", description="Package the chart to publish it."
    )
    parser.add_argument("--source", type=_given, required=True, metavar="URL", help="where the repository is seen")
    parser.add_argument(
        "--files", type=_given, required=True, metavar="URL", help="where its files are served as they are"
    )
    parser.add_argument(
        "--image", type=_given, required=True, metavar="REPOSITORY", help="where the image has been pushed"
    )
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    options = parser.parse_args(arguments)
    print(package(options.source, options.files, options.image, options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
