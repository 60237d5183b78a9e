"""What kubeconform says of what each example becomes. It needs no cluster, but is built with Go as the cluster is."""

import json
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from tests.cluster.programs import built
from tests.helm.chart import EXAMPLES, example, files

SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"

VERSIONS = ("1.25.0", "1.36.0")

CUSTOM = "ServiceMonitor,PrometheusRule,AlertmanagerConfig,CiliumNetworkPolicy,Certificate"
"""Whose schemas are tested with the published models, in tests/helm/test_custom_resources.py."""

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))


def rendered(path: Path, folder: Path) -> Path:
    """What Helm makes of an example, as a file."""
    texts = [text for name, text in sorted(files(example(path)).items()) if not name.endswith(".txt")]
    file = folder / "objects.yaml"
    file.write_text("\n---\n".join(texts))
    return file


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each version with its schemas, which refer to one another as files, not as pages of a server."""
    folder = tmp_path_factory.mktemp("schemas")
    for version in VERSIONS:
        source = SCHEMAS / f"v{version}-local-strict"
        (folder / version).mkdir()
        for file in (source / "_definitions.json", *source.glob("*-v1.json")):
            schema = json.loads(file.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
            schema.pop("$id", None)
            (folder / version / file.name).write_text(json.dumps(schema))
    return folder


def conform(file: Path, schemas: Path) -> "subprocess.CompletedProcess[str]":
    """What kubeconform says of a file, with the schemas of one version of Kubernetes."""
    (kubeconform,) = built("kubeconform")
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command: list[str | Path] = [kubeconform, "-strict", "-summary", "-skip", CUSTOM, "-schema-location", location]
    return subprocess.run([*command, file], capture_output=True, text=True, check=False)


@each_example
@pytest.mark.parametrize("version", VERSIONS)
def test_kubeconform_knows_every_field(path: Path, version: str, schemas: Path, tmp_path: Path) -> None:
    done = conform(rendered(path, tmp_path), schemas / version)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Invalid: 0, Errors: 0" in done.stdout
    assert "Valid: 0" not in done.stdout


def test_kubeconform_would_find_a_mistake(schemas: Path, tmp_path: Path) -> None:
    file = rendered(EXAMPLES[0], tmp_path)
    file.write_text(file.read_text().replace("terminationGracePeriodSeconds", "terminationGraceSeconds"))
    done = conform(file, schemas / VERSIONS[-1])
    assert done.returncode == 1
    assert "terminationGraceSeconds" in done.stdout
