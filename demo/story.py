"""The story that the demo plays: what any cluster says all day, one alert that matters, and the attack behind it."""

from dataclasses import replace

from demo.checks import (
    above_zero,
    born_at_zero,
    firing,
    kept_back,
    last,
    nobody_paged,
    pending,
    says,
    stored,
    told,
    total,
)
from demo.falco import FalcoAlert
from demo.steps import Act, Begins, Comes, Falco, LeaveOut, Stays, Waf
from demo.waf import WafRecord

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
SNOOPING = replace(
    INTRUSION,
    rule=BACKUP.rule,
    priority="Warning",
    says=BACKUP.says,
    tags=BACKUP.tags,
    fields={"fd.name": "/etc/shadow", "proc.cmdline": "kworkerd --collect", "user.name": "web"},
)
ELSEWHERE = FalcoAlert(
    rule="Fileless execution via memfd_create",
    priority="Critical",
    node="worker-3",
    namespace="payments",
    pod="ledger-0",
    image="payments/ledger:5.1",
    says="A program was run from memory, without a file",
    tags=("T1620", "container", "host", "maturity_stable", "mitre_defense_evasion", "process"),
    fields={"proc.cmdline": "memfd:drill", "user.name": "red-team"},
)
SERIES = f'threat_falco_alerts_total{{rule="{INTRUSION.rule}",k8s_ns_name="{INTRUSION.namespace}"}}'

INJECTION = WafRecord("sql-injection.json")
LET_THROUGH = 'sum(threat_waf_events_total{class="sqli",verdict="detected",workload="checkout"})'
CORRELATED = ("CRITICAL", "controls speak of shop/checkout", "first saw waf at", "ids at")

STORY = (
    Act(
        heading="1. An ordinary day",
        words="What Falco says about a healthy cluster, from three namespaces on three nodes. All of it is counted, and"
        " nobody is woken up: all these rules were seen there in the week before.",
        steps=(
            *(Falco(alert, then=0.4) for alert in NOISE),
            Comes("Prometheus has counted them", total("sum(threat_falco_alerts_total)", len(NOISE)), "prometheus"),
            Stays("Nobody is paged", nobody_paged, "prometheus", seconds=4),
        ),
        ending="An ordinary day took {seconds:.0f} seconds.",
    ),
    Act(
        heading="2. An attack that the WAF sees and lets through",
        words="The WAF in front of shop/checkout only watches, as a new one does at first. An SQL injection is counted,"
        " and nobody is woken up for it alone: the internet sends such requests all day.",
        steps=(
            Waf(INJECTION),
            Comes("Prometheus has counted it", total(LET_THROUGH, 1), "exporter"),
            Stays("Nobody is paged", nobody_paged, "prometheus", seconds=4),
        ),
        ending="From here on it is known that something came in: {seconds:.0f} seconds.",
    ),
    Act(
        heading="3. One single alert, of a rule never seen before",
        words="Prometheus sees an increase only between two samples, so a counter that is born at 1 never alerts. This"
        " one is first shown at 0. And because the WAF has spoken of this workload, it is not one alert among many.",
        steps=(
            Falco(INTRUSION),
            Comes("Prometheus stores the new series at zero", born_at_zero(SERIES), "exporter"),
            Comes("Prometheus stores the alert", stored(SERIES, 0, 1), "exporter"),
            Comes("increase() sees it", above_zero(f"increase({SERIES}[5m])"), "prometheus"),
            Comes(
                "The alert and the correlated alert fire in Prometheus",
                firing("IdsCriticalAlert", "CorrelatedWorkload", "CorrelatedNamespace"),
                "prometheus",
            ),
            Comes("Slack has the correlated message", told(*CORRELATED), "alertmanager"),
        ),
        ending="From Falco's alert to the correlated message in Slack: {seconds:.1f} seconds.",
    ),
    Act(
        heading="4. The same attacker, seen by three systems",
        words="The program calls home, and network policy denies it. The correlated alert takes up the third control,"
        " and it keeps back all further parts of that namespace.",
        steps=(
            Begins("Hubble: shop/checkout -> 203.0.113.66:443 TCP, POLICY_DENIED, six times a second", "egress"),
            Comes(
                "One correlated alert tells of all three in the order in which they were seen",
                says("CorrelatedWorkload", "3 controls speak of shop/checkout", "waf at", "ids at", "network at"),
                "prometheus",
            ),
            Stays("Slack has no further message", last(*CORRELATED), "alertmanager", seconds=4),
        ),
        ending="From the first denied connection: {seconds:.1f} seconds, 4 of them to see that nothing more is sent.",
    ),
    Act(
        heading="5. The attack goes on, and Slack stays calm",
        words="Denied, the program turns to DNS, and it reads what it should not. Each of these parts would be a"
        " message of its own.",
        steps=(
            Begins("Hubble: shop/checkout asks for 150 TXT records a second, and for names that are denied", "dns"),
            Falco(SNOOPING),
            Comes(
                "More alerts fire in Prometheus",
                firing(
                    "NetworkDnsDenied",
                    "IdsRuleNeverSeenBefore",
                    "CorrelatedWorkload",
                    "CorrelatedNamespace",
                    "IdsCriticalAlert",
                ),
                "prometheus",
            ),
            Comes(
                "Alertmanager keeps them back",
                kept_back("CorrelatedWorkload", "NetworkDnsDenied", "IdsRuleNeverSeenBefore", "CorrelatedNamespace"),
                "alertmanager",
            ),
            Comes("A spike lasts longer than this story", pending("NetworkDnsSpike"), "prometheus", within=30),
            Stays("Slack has no further message", last(*CORRELATED), "alertmanager", seconds=8),
        ),
        ending="One correlated message for the whole attack.",
    ),
    Act(
        heading="6. An alert elsewhere is not held back",
        words="What is kept back is kept back in one namespace only. And what turns out to be an exercise is tuned away"
        " in one place, for one alert and one workload.",
        steps=(
            Falco(ELSEWHERE),
            Comes("Slack has the message", told("CRITICAL", "payments/ledger", ELSEWHERE.rule), "alertmanager"),
            LeaveOut("IdsCriticalAlert", ELSEWHERE.namespace, "ledger"),
            Comes(
                "Slack: no more comes",
                told("No longer fires", "payments/ledger"),
                "alertmanager",
                within=40,
            ),
        ),
        ending="The attack in shop has one message at its end, too: that the correlation ended, and which alerts still"
        " fire. It lasts for as long as any of its parts, longer than this story.",
    ),
)
