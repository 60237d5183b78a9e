"""Tuning: which Falco alerts are suppressed or given another priority, by the first entry that matches."""

from collections.abc import Callable, Iterable
from typing import Protocol

from exporter.config.tuning import ALERT_LABELS, Entry


class Fields(Protocol):
    """The output_fields of an alert."""

    def text(self, name: str, /) -> str:
        """The value of a field as text, empty where there is none."""


class Alert(Protocol):
    """What tuning needs of an alert: the labels of `threat_falco_alerts_total` as attributes, and its fields."""

    @property
    def rule(self) -> str: ...
    @property
    def priority(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def tactic(self) -> str: ...
    @property
    def hostname(self) -> str: ...
    @property
    def k8s_ns_name(self) -> str: ...
    @property
    def k8s_pod_name(self) -> str: ...
    @property
    def workload(self) -> str: ...
    @property
    def fields(self) -> Fields: ...


def glob(pattern: str) -> Callable[[str], bool]:
    """A test whether a text fits `pattern`, in which `*` is any run of characters and all else is itself.

    >>> glob("web-*")("web-1"), glob("web-*")("my-web-1")
    (True, False)
    """
    first, *middle, last = pattern.split("*")

    def fits(text: str) -> bool:
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return fits


class _Condition:
    """One key of a `match`: the alert's value is one of `exact` or fits one of `globs`."""

    __slots__ = ("exact", "globs", "is_label", "name")

    def __init__(self, name: str, texts: Iterable[str]) -> None:
        self.name = name
        self.is_label = name in ALERT_LABELS
        self.exact = frozenset(text for text in texts if "*" not in text)
        self.globs = tuple(glob(text) for text in texts if "*" in text)

    def fits(self, text: str) -> bool:
        return text in self.exact or any(fits(text) for fits in self.globs)

    def holds(self, alert: Alert) -> bool:
        return self.fits(getattr(alert, self.name) if self.is_label else alert.fields.text(self.name))


class _Compiled:
    """An entry ready to be tried: the condition on the rule, if any, apart from the others."""

    __slots__ = ("entry", "others", "rule")

    def __init__(self, entry: Entry) -> None:
        conditions = [_Condition(name, texts) for name, texts in entry.match.items()]
        # Labels are at hand, a field has to be looked up and made text: labels first.
        conditions.sort(key=lambda condition: not condition.is_label)
        self.entry = entry
        self.rule = next((condition for condition in conditions if condition.name == "rule"), None)
        self.others = tuple(condition for condition in conditions if condition is not self.rule)

    def holds(self, alert: Alert) -> bool:
        if self.rule is not None and not self.rule.fits(alert.rule):
            return False
        return all(condition.holds(alert) for condition in self.others)


class Tuning:
    """All entries, compiled. False where there are none, so that a caller may skip it altogether.

    Entries are kept by the rule that they name, so that an alert of a rule that no entry names costs one look-up,
    however many entries there are.
    """

    __slots__ = ("_any_rule", "_by_rule")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        compiled = tuple(map(_Compiled, entries))
        named = {rule for one in compiled if one.rule is not None for rule in one.rule.exact}
        self._by_rule = {rule: tuple(c for c in compiled if c.rule is None or c.rule.fits(rule)) for rule in named}
        self._any_rule = tuple(one for one in compiled if one.rule is None or one.rule.globs)

    def __bool__(self) -> bool:
        return bool(self._by_rule or self._any_rule)

    def verdict(self, alert: Alert) -> Entry | None:
        """The first entry, in the order of the file, whose every condition holds; None without one."""
        for one in self._by_rule.get(alert.rule, self._any_rule):
            if one.holds(alert):
                return one.entry
        return None
