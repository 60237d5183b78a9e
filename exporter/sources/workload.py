"""The workload that a pod belongs to, read from the pod's name by the rules with which Kubernetes makes such names.

A controller names a pod `<base><5 random characters>`, where base is `<owner>-`, cut so that the whole fits 63
characters (apiserver `names.SimpleNameGenerator`). Random characters come from 27 that spell no words; a ReplicaSet is
`<deployment>-<hash>`, the hash a decimal number of up to ten digits written with ten of these characters
(apimachinery `rand.SafeEncodeString`); a CronJob's Job is `<cronjob>-<minutes since 1970>`, before Kubernetes 1.21
`<cronjob>-<seconds>`; an indexed Job's pods carry their index, a StatefulSet's pod is `<name>-<ordinal>`, a static pod
`<name>-<node>`.
"""

import re
from functools import lru_cache

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_HASH_DIGIT = "[456789bcdf]"
# Made-up hashes, as other controllers have them, use all characters; short ones must be real to be told from a word.
_HASH = f"(?:{_RANDOM}{{8,10}}|{_HASH_DIGIT}{{6,7}})"
_SCHEDULED = r"(?:\d{8}|\d{10})(?:-\d{1,5})?"
_INDEX = r"\d{1,5}"
_MAX_GENERATED = 63
_RANDOM_LENGTH = 5

_GENERATED = re.compile(f"(.+?)(?:-{_HASH}|-{_SCHEDULED}|-{_INDEX})?-{_RANDOM}{{5}}")
_CUT = re.compile(rf"(.{{57}}[^-]){_RANDOM}{{5}}")
_CUT_BASE = re.compile(rf"(.+)-(?:{_HASH_DIGIT}{{1,10}}|\d{{1,10}})")
# An ordinal has no leading zero and hardly four digits: `release-2024` is more often a name.
_ORDINAL = re.compile(r"(.+)-(?:0|[1-9]\d{0,2})")
_REPLICA_SET = re.compile(f"(.+)-{_HASH}")


@lru_cache(maxsize=8192)
def workload(pod: str, node: str = "") -> str:
    """The Deployment, StatefulSet, DaemonSet, Job or CronJob of a pod; the pod's own name where it does not tell.

    `node` is the name of the pod's node, or empty; with it the pods of the control plane are told from ordinals.
    A name of 63 characters may have been cut by Kubernetes; then the workload is as much of it as the name still has.
    """
    if node and pod.endswith(f"-{node}"):
        return pod[: -len(node) - 1] or pod
    if len(pod) == _MAX_GENERATED and (cut := _CUT.fullmatch(pod)):
        return _first(_CUT_BASE, cut[1])
    return _first(_GENERATED, pod) if _GENERATED.fullmatch(pod) else _first(_ORDINAL, pod)


def deployment_of(replica_set: str) -> str:
    """The Deployment of a ReplicaSet, by its name; the ReplicaSet's own name where it stands alone."""
    return _first(_REPLICA_SET, replica_set)


def _first(pattern: re.Pattern[str], name: str) -> str:
    found = pattern.fullmatch(name)
    return found[1] if found else name
