"""One meaning per colour, on every board: a term in a legend, a cell or a tile has its colour here.

Colours with a name are Grafana's, which fit both themes. What is an open set (reasons, workloads, rules) has no meaning
of its own and takes Grafana's palette in its order.
"""

GOOD, LOOK, BAD, INFO, NEUTRAL, FAULT = "green", "orange", "red", "light-blue", "#7B8087", "dark-orange"
BASIC = (GOOD, LOOK, BAD, INFO, NEUTRAL, FAULT)
"""What these six say is the same everywhere; any other colour belongs to one meaning alone."""

PRIORITY = {
    "emergency": "#7D1128",
    "alert": "#A3142E",
    "critical": BAD,
    "error": FAULT,
    "warning": LOOK,
    "notice": INFO,
    "informational": "super-light-blue",
    "debug": "#A8ADB4",
    "unknown": NEUTRAL,
}
SEVERITY = {"critical": BAD, "warning": LOOK, "info": INFO}
CONTROL = {"ids": "purple", "network": "#3D71D9", "waf": "#D1679C"}
VERDICT = {
    "forwarded": GOOD,
    "redirected": "#96D98D",
    "audit": LOOK,
    "dropped": BAD,
    "denied": BAD,
    "error": FAULT,
    "failed": FAULT,
    "parse errors": FAULT,
}
WAF_VERDICT = {"blocked": INFO, "detected": BAD}
DENIALS = {"Policy denied": BAD, "Policy denied by denylist": "#E0708A"}
REASONS = {
    "Stale or unroutable IP": "#5794F2",
    "Unsupported L3 protocol": "#B8B15C",
    "Invalid source ip": "#8F3BB8",
    "CT: Map insertion failed": "#FADE2A",
    "Service backend not found": "#56A64B",
    "Unknown L3 target address": "#A16A3A",
    "Missed tail call": "#E0B4FF",
    "Invalid packet": "#00C2A8",
    "No mapping for NAT masquerade": "#FF9E4A",
    "Host datapath not ready": "#D0D3D8",
}
"""Why packets are dropped, as Cilium's agent says it; the frequent ones, far from each other and from the denials."""
WAYS = {
    "forwarded egress": "#2F7D6B",
    "forwarded ingress": "#7FD1B9",
    "dropped egress": "#C4162A",
    "dropped ingress": "#F29191",
}
ENFORCEMENT = {
    "both": GOOD,
    "ingress": "#6FBF8B",
    "egress": "#37872D",
    "none": LOOK,
    "audit-both": "#C9A66B",
    "audit-ingress": "#C9A66B",
    "audit-egress": "#C9A66B",
}
OVER_NODES = {"min": "#6DD0DE", "avg": "#2FA3B8", "max": "#0B7285"}
SCOPES = {"upstream": "#E0B400", "processing": "#9B7EDE"}

MEANINGS = {
    "priority": PRIORITY,
    "severity": SEVERITY,
    "control": CONTROL,
    "verdict": VERDICT,
    "verdict of a WAF": WAF_VERDICT,
    "denial": DENIALS,
    "reason": REASONS,
    "way": WAYS,
    "enforcement": ENFORCEMENT,
    "over nodes": OVER_NODES,
    "scope": SCOPES,
}
"""What the colours tell apart -> term -> colour."""
