"""The workload of a pod is told from its name by Kubernetes' own naming."""

import pytest

from exporter.sources.workload import deployment_of, workload

LONG = "payment-reconciliations-worker-for-the-european-settlement-and-clearing"

PODS = [
    # Deployments: <name>-<hash>-<random>
    ("coredns-5d78c9869d-8xv4q", "coredns"),
    ("my-app-12345-7c9d8f6b54-x2vqz", "my-app-12345"),
    ("redis-cache-6d9bcf8d5-q7wzt", "redis-cache"),
    ("web-0-7f8d9c6b5f-2kx9p", "web-0"),
    ("kube-state-metrics-86c9f9b78-tjmnz", "kube-state-metrics"),
    ("api-9bc8d7f-kx2tw", "api"),
    ("api-578b9c-kx2tw", "api"),
    ("cert-manager-webhook-55fb5c9c88-vvvvv", "cert-manager-webhook"),
    ("a-5d78c9869d-8xv4q", "a"),
    ("shop-x2kq7zvwpt-m9bcd", "shop"),
    # StatefulSets: <name>-<ordinal>
    ("web-0", "web"),
    ("web-10", "web"),
    ("kafka-broker-127", "kafka-broker"),
    ("prometheus-kube-prometheus-stack-prometheus-0", "prometheus-kube-prometheus-stack-prometheus"),
    ("etcd-node-1-0", "etcd-node-1"),
    # DaemonSets, Jobs and ReplicationControllers: <name>-<random>
    ("kube-proxy-x7k2p", "kube-proxy"),
    ("node-exporter-zzz22", "node-exporter"),
    ("db-migrate-4tq7z", "db-migrate"),
    ("falco-24578", "falco"),
    # Custom controllers that name pods in the same ways: Strimzi, CloudNativePG, OpenKruise, Argo Rollouts
    ("my-cluster-kafka-2", "my-cluster-kafka"),
    ("my-cluster-broker-104", "my-cluster-broker"),
    ("my-connect-connect-0", "my-connect-connect"),
    ("orders-db-1", "orders-db"),
    ("orders-db-1-initdb-x7k2p", "orders-db-1-initdb"),
    ("guestbook-clone-q8vkx", "guestbook-clone"),
    ("checkout-6d9bcf8d5-q7wzt", "checkout"),
    # Indexed Jobs: <name>-<index>-<random>
    ("render-0-b7wzk", "render"),
    ("render-frames-113-b7wzk", "render-frames"),
    # CronJobs: <name>-<minutes or seconds>-<random>, with an index where the Job is indexed
    ("backup-28391040-q9zlf", "backup"),
    ("backup-28456789-q9zlf", "backup"),
    ("backup-1617235200-q9zlf", "backup"),
    ("backup-28391040-3-q9zlf", "backup"),
    ("nightly-2024-28391040-q9zlf", "nightly-2024"),
    # Names that only look generated stay whole
    ("redis-cache", "redis-cache"),
    ("my-app-12345", "my-app-12345"),
    ("release-2024", "release-2024"),
    ("web-007", "web-007"),
    ("kube-proxy", "kube-proxy"),
    ("web-nginx", "web-nginx"),
    ("nginx", "nginx"),
    ("x7k2p", "x7k2p"),
    ("web", "web"),
    ("0", "0"),
    ("-x7k2p", "-x7k2p"),
    ("web-X7K2P", "web-X7K2P"),
    ("", ""),
    # Owners whose own last word looks like a part of a generated name keep it
    ("agent-2xl4z-x7k2p", "agent-2xl4z"),
    ("ingress-https-x7k2p", "ingress-https"),
    ("job-report-final-x7k2p", "job-report-final"),
    # Cut to 63 characters: the dash, a part of the hash or of the schedule, or a part of the name is lost
    (f"{LONG[:55]}-5dx7k2p", LONG[:55]),
    (f"{LONG[:50]}-5d78c98x7k2p", LONG[:50]),
    (f"{LONG[:47]}-5d78c9869dx7k2p", LONG[:47]),
    (f"{LONG[:46]}-5d78c9869d-x7k2p", LONG[:46]),
    (f"{LONG[:52]}-28391x7k2p", LONG[:52]),
    (f"{LONG[:58]}x7k2p", LONG[:58]),
    (f"{LONG[:54]}-12-x7k2p", LONG[:54]),
    (f"{LONG[:57]}-x7k2p", LONG[:57]),
    (f"{LONG[:61]}-0", LONG[:61]),
    (f"{LONG[:63]}", LONG[:63]),
]


@pytest.mark.parametrize(("pod", "expected"), PODS)
def test_a_pods_name_tells_its_workload(pod: str, expected: str) -> None:
    assert workload(pod) == expected


def test_the_names_said_to_be_cut_have_the_length_at_which_kubernetes_cuts() -> None:
    """Guards the table above: a row of another length would test something else."""
    cut = [pod for pod, _ in PODS if pod.startswith(LONG[:46])]

    assert len(cut) == 10
    assert {len(pod) for pod in cut} == {63}


@pytest.mark.parametrize(
    ("pod", "node", "expected"),
    [
        ("kube-apiserver-control-plane-1", "control-plane-1", "kube-apiserver"),
        ("etcd-ip-10-0-0-12", "ip-10-0-0-12", "etcd"),
        ("web-0", "control-plane-1", "web"),
        ("web-1", "1", "web"),
        ("-node", "node", "-node"),
    ],
)
def test_a_static_pod_is_named_after_its_node(pod: str, node: str, expected: str) -> None:
    assert workload(pod, node) == expected


@pytest.mark.parametrize(
    ("replica_set", "expected"),
    [("coredns-5d78c9869d", "coredns"), ("legacy", "legacy"), ("redis-cache", "redis-cache"), ("api-578b9c", "api")],
)
def test_a_replica_set_tells_its_deployment(replica_set: str, expected: str) -> None:
    assert deployment_of(replica_set) == expected


@pytest.mark.timeout(2)
@pytest.mark.parametrize("name", ["-" * 256, "-22222" * 42 + "-", "2" * 255 + "-", "-22222222" * 28 + "_", "a" * 256])
def test_a_hostile_name_is_read_at_once_and_stays_whole(name: str) -> None:
    assert workload(name) == name


def test_memory_for_pod_names_is_bounded() -> None:
    assert workload.cache_info().maxsize == 8192
