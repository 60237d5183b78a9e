"""The story that the demo plays: first what any cluster says all day, then one alert that matters."""

from dataclasses import replace

from demo.checks import above_zero, born_at_zero, firing, nobody_paged, one_message, stored, total
from demo.falco import FalcoAlert
from demo.steps import Act, Comes, Falco, Stays

BUILD_SHELL = FalcoAlert(
    rule="Terminal shell in container",
    priority="Notice",
    node="worker-1",
    namespace="build",
    pod="runner-7c9d8b6f5d-k4x2m",
    image="ci/runner:4.1",
    says="A shell with a terminal was opened in a container",
    tags=("T1059", "container", "maturity_stable", "mitre_execution", "shell"),
    fields={"proc.cmdline": "bash -l", "user.name": "ci"},
)
API_CLIENT = FalcoAlert(
    rule="Contact K8S API Server From Container",
    priority="Notice",
    node="worker-2",
    namespace="monitoring",
    pod="kube-state-metrics-5b8f7d6c9-tq8zl",
    image="kube-state-metrics:2.13",
    says="A container that is not expected to talks to the Kubernetes API server",
    tags=("T1565", "container", "k8s", "maturity_stable", "mitre_discovery", "network"),
    fields={"proc.cmdline": "kube-state-metrics", "fd.sport": 443, "user.name": "nobody"},
)
BACKUP = FalcoAlert(
    rule="Read sensitive file untrusted",
    priority="Warning",
    node="worker-3",
    namespace="backup",
    pod="nightly-29384710-7dn5c",
    image="backup:1.9",
    says="A program that has no need to has read a sensitive file",
    tags=("T1555", "container", "filesystem", "maturity_stable", "mitre_credential_access"),
    fields={"fd.name": "/etc/shadow", "proc.cmdline": "restic backup /host", "user.name": "root"},
)
NOISE = (
    BUILD_SHELL,
    API_CLIENT,
    replace(BUILD_SHELL, pod="runner-7c9d8b6f5d-w9j7p", node="worker-3"),
    BACKUP,
    BUILD_SHELL,
    replace(BACKUP, pod="nightly-29384710-hv6tr", node="worker-1"),
    API_CLIENT,
    BUILD_SHELL,
)

INTRUSION = FalcoAlert(
    rule="Drop and execute new binary in container",
    priority="Critical",
    node="worker-2",
    namespace="shop",
    pod="checkout-6d5f7c9b8c-x2vqp",
    image="shop/checkout:2.7",
    says="A program that is not part of the image was written to a container and run",
    tags=("PCI_DSS_11.5.1", "TA0003", "container", "maturity_stable", "mitre_persistence", "process"),
    fields={"proc.exepath": "/opt/.cache/kworkerd", "proc.cmdline": "kworkerd -o 203.0.113.66:443", "user.name": "web"},
)
SERIES = f'threat_falco_alerts_total{{rule="{INTRUSION.rule}",k8s_ns_name="{INTRUSION.namespace}"}}'

STORY = (
    Act(
        heading="1. An ordinary day",
        words="What Falco says about a healthy cluster, from three namespaces on three nodes. All of it is counted, and"
        " nobody is woken up.",
        steps=(
            *(Falco(alert, then=0.4) for alert in NOISE),
            Comes("Prometheus has counted them", total("sum(threat_falco_alerts_total)", len(NOISE)), "prometheus"),
            Stays("Nobody is paged", nobody_paged, "prometheus", seconds=3),
        ),
        ending="An ordinary day took {seconds:.0f} seconds.",
    ),
    Act(
        heading="2. The attack: one single alert, of a rule never seen before",
        words="Prometheus sees an increase only between two samples, so a counter that is born at 1 never alerts. This"
        " one is first shown at 0.",
        steps=(
            Falco(INTRUSION),
            Comes("Prometheus stores the new series at zero", born_at_zero(SERIES), "exporter"),
            Comes("Prometheus stores the alert", stored(SERIES, 0, 1), "exporter"),
            Comes("increase() sees it", above_zero(f"increase({SERIES}[5m])"), "prometheus"),
            Comes("The alert fires in Prometheus", firing("FalcoCriticalAlert"), "prometheus"),
            Comes(
                "Slack has the message, and only this one",
                one_message(INTRUSION.rule, INTRUSION.namespace, INTRUSION.pod, INTRUSION.node),
                "alertmanager",
            ),
        ),
        ending="From Falco's alert to the message in Slack: {seconds:.1f} seconds.",
    ),
)
