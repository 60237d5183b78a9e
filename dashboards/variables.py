"""The variables that boards share: one name, one meaning, so that a link can carry it."""

from dashboards.board import Variable
from dashboards.queries.alerts import counted

_SEEN = (
    'group by ({0}) (namespace_workload_pod:threat_events:increase5m{{cluster=~"$cluster"{1}}})'
    ' or group by ({0}) (namespace_workload_pod:kube_pod_owner:info{{cluster=~"$cluster"{1}}})'
)


def _either(label: str, matchers: str = "") -> str:
    """Values of a label in events or in what kube-state-metrics knows: a pod that is gone was still attacked."""
    return f"query_result({_SEEN.format(label, matchers)})"


def _value(label: str) -> str:
    return f'/{label}="([^"]+)"/'


CLUSTER = Variable("cluster", "Cluster", "label_values(threat_build_info, cluster)")
NAMESPACE = Variable("namespace", "Namespace", _either("namespace"), _value("namespace"))
WORKLOAD = Variable("workload", "Workload", _either("workload", ', namespace=~"$namespace"'), _value("workload"))
POD = Variable("pod", "Pod", _either("pod", ', namespace=~"$namespace", workload=~"$workload"'), _value("pod"))
RULE = Variable("rule", "Rule", f"query_result({counted('rule')})", _value("rule"))
NODE = Variable("node", "Node", 'label_values(threat_last_event_timestamp_seconds{cluster=~"$cluster"}, hostname)')
AGENT = Variable("agent", "Cilium agent", 'label_values(cilium_version{cluster=~"$cluster"}, instance)')
