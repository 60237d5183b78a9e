"""What a person who was woken pastes from a page does what the page says, and finds what it looks for."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from exporter.config import load as load_config
from exporter.events import line
from exporter.sources import falco
from exporter.sources.falco_events import FalcoAlert
from rules.tree import ROOT, load
from tests.helm.chart import objects
from tests.helm.custom_resources import faults, need

SHARED = ROOT / "alerts" / "first-response.md"
PAGES = [SHARED, *(alert.page for alert in load().alerts)]
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

KUBECTL = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  *" get "*matchLabels*) printf '%s' "$SELECTOR" ;;
  "apply -f -") cat >> "$APPLIED" ;;
esac
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_are_a_shell_s(page: Path) -> None:
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        done = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True)
        assert done.stderr == "", block


def isolated(folder: Path, kind: str, selector: str) -> tuple[int, str]:
    """The commands that isolate with a policy of this kind, run after those of Names: exit code, what was applied."""
    for name, script in {"kubectl": KUBECTL, "hubble": "#!/bin/sh\n"}.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    text = SHARED.read_text(encoding="utf-8")
    names = FENCE.findall(text.partition("## Names\n")[2].partition("\n## ")[0])
    [block] = [block for block in FENCE.findall(text) if f"kind: {kind}\n" in block]
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SELECTOR": selector,
        "CALLS": str(folder / "calls"),
        "APPLIED": str(folder / "applied"),
    }
    script = "\n".join([*names, block])
    done = subprocess.run(["sh"], input=script, env=environment, capture_output=True, text=True)
    applied = folder / "applied"
    return done.returncode, applied.read_text() if applied.exists() else ""


@pytest.mark.parametrize("version", ["1.27", "1.37"])
def test_the_policy_that_isolates_is_one_that_kubernetes_takes(tmp_path: Path, version: str) -> None:
    code, applied = isolated(tmp_path, "NetworkPolicy", '{"app":"web","tier":"front"}')
    policy = yaml.safe_load(applied)
    kubernetes_validate.validate(policy, version, strict=True)
    assert code == 0
    assert policy["metadata"] == {"name": "isolate-web", "namespace": "shop"}
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"app": "web", "tier": "front"}},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_the_policy_of_cilium_that_isolates_fits_its_published_model(tmp_path: Path) -> None:
    need()
    _, applied = isolated(tmp_path, "CiliumNetworkPolicy", '{"app":"web"}')
    policy = yaml.safe_load(applied)
    assert faults([policy]) == []
    assert policy["metadata"] == {"name": "isolate-web", "namespace": "shop"}
    assert policy["spec"]["endpointSelector"] == {"matchLabels": {"app": "web"}}
    entities = [entity for rule in policy["spec"]["ingressDeny"] for entity in rule.get("fromEntities", [])]
    assert "host" not in entities
    assert "all" not in entities


@pytest.mark.parametrize("kind", ["NetworkPolicy", "CiliumNetworkPolicy"])
def test_a_workload_that_is_not_there_isolates_nothing(tmp_path: Path, kind: str) -> None:
    """An empty selector would select every pod of the namespace."""
    _, applied = isolated(tmp_path, kind, "")
    assert applied == ""


def greps(text: str, of: str) -> Iterator[tuple[str, ...]]:
    """What the commands of a page search a log for, of the pods that are chosen by `of`."""
    for block in FENCE.findall(text):
        for command in block.replace("\\\n", " ").splitlines():
            if " logs " in command and of in command:
                yield from re.findall(r"""grep (?:-\w+ )*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+))""", command)


def logged() -> set[str]:
    """Every text that the exporter may write to its log."""
    texts = set()
    for file in Path(ROOT.parent, "exporter").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("LOG", "_log")
            ):
                texts |= {str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)}
    return texts


def test_what_our_log_is_searched_for_is_what_it_says() -> None:
    texts = logged()
    searched = [
        "".join(found)
        for page in PAGES
        if page != SHARED
        for found in greps(page.read_text(encoding="utf-8"), "component=receiver")
    ]
    assert searched
    assert [pattern for pattern in searched if not any(pattern in text for text in texts)] == []


@pytest.mark.parametrize(("program", "of"), [("Falco", "$FALCO"), ("Cilium", "$CILIUM")])
def test_what_others_logs_are_searched_for_is_known(program: str, of: str) -> None:
    known = yaml.safe_load((ROOT / "foreign.yaml").read_text(encoding="utf-8"))["logs"][program]
    found = [found for page in PAGES for found in greps(page.read_text(encoding="utf-8"), of)]
    searched = {word for one in found for word in "".join(one).split("|")}
    assert searched
    assert searched <= set(known)


def test_the_search_for_events_finds_an_event() -> None:
    body = b'{"rule":"R","priority":"Critical","output_fields":{"k8s.ns.name":"shop","k8s.pod.name":"web-1"}}'
    [event] = falco.parse(body, 1)
    assert isinstance(event, FalcoAlert)
    [pattern] = ["".join(found) for found in greps(SHARED.read_text(encoding="utf-8"), "component=receiver")]
    wanted = pattern.replace('\\"', '"').replace("$NAMESPACE", "shop")
    assert wanted.encode() in line(0.0, "ids", event, {})


def test_the_pods_of_the_receiver_have_the_labels_that_they_are_searched_by() -> None:
    [deployment] = [made for made in objects({}) if made["kind"] == "Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    texts = "".join(page.read_text("utf-8") for page in PAGES)
    selectors = set(re.findall(r"(app\.kubernetes\.io/\w+)=(receiver)\b", texts))
    assert selectors
    assert selectors <= set(labels.items())
    assert "app.kubernetes.io/instance" in labels


def test_the_values_that_it_shows_are_values_of_the_chart(tmp_path: Path) -> None:
    texts = re.findall(r"^```yaml\n(.*?)^```$", SHARED.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    of_falco, of_waf = (yaml.safe_load(text) for text in texts)
    values = {**of_falco, "config": {**of_falco["config"], **of_waf["config"]}}
    values["rules"]["enabled"] = True
    made = yaml.safe_dump_all(objects(values))
    assert "builds run in a shell" in made
    assert "workload: runner" in made
    assert "vector(60)" in made
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values["config"]))
    loaded = load_config(tmp_path / "config.yaml")
    assert loaded.falco.tuning
    assert loaded.waf.tuning
