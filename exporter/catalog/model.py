"""How the catalog describes what it lists: labels, metrics, and where a control's findings are counted."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

Role = Literal["receive", "watch"]
"""The command whose page shows a metric."""

MAX_NODE_SERIES = 10_000
"""Most series of a metric that counts by node: twice the nodes of the largest cluster that Kubernetes supports."""


@dataclass(frozen=True)
class Label:
    """A label: what it says and, where its values are a closed set, which (an empty value is always possible)."""

    help: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """Where the findings of a control are counted, and which labels say by which rule and how severe.

    `suppressed` counts those that tuning suppressed, by that rule and the reason. `severity` is the key of an event
    line as well.
    """

    counted: str
    suppressed: str
    rule: str
    severity: str
    sender: str


@dataclass(frozen=True)
class Metric:
    """One metric family.

    `labels` are in the order in which a series' label values are given. `stored` families live in the counter store
    (`exporter/store/series.py`): bounded and expiring; `zero_first` ones also show every new series at 0 before its
    value.
    Past the limit a new label set is counted under `overflow`: the listed labels keep these values, all other labels
    are `other`; without `overflow` it is left out. `share` names the labels whose combination may take only a part
    of the limit; `at_most` bounds the family below a larger limit, and its series stay for `stays` seconds without an
    event, if that is more than `series.idle_expiry`. `closed` narrows a label to these values for this
    metric. `appears` says when it is on the page, `roles` on whose.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    appears: str = "always"
    stored: bool = False
    zero_first: bool = False
    overflow: dict[str, tuple[str, ...]] | None = None
    share: tuple[str, ...] = ()
    at_most: int | None = None
    stays: float = 0.0
    closed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    roles: tuple[Role, ...] = ("receive",)
