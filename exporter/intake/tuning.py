"""Tuning: which events are suppressed or given another severity, by the first entry that matches."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from exporter.config.tuning import Entry


class Fields(Protocol):
    """What an event has beside its labels: of a Falco alert the output_fields."""

    def text(self, name: str, /) -> str:
        """The value of a field as text, empty where there is none."""


class Tunable(Protocol):
    """What tuning needs of an event: its labels in the catalog's order by index, and its fields."""

    @property
    def fields(self) -> Fields: ...

    def __getitem__(self, index: Any, /) -> Any: ...


AnEntry = TypeVar("AnEntry", bound=Entry)


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
    """One key of a `match`: the value is one of `exact` or fits one of `globs`; `at` is the place of a label."""

    __slots__ = ("at", "exact", "globs", "name")

    def __init__(self, name: str, texts: Iterable[str], labels: Sequence[str]) -> None:
        self.name = name
        self.at = labels.index(name) if name in labels else None
        self.exact = frozenset(text for text in texts if "*" not in text)
        self.globs = tuple(glob(text) for text in texts if "*" in text)

    def fits(self, text: str) -> bool:
        return text in self.exact or any(fits(text) for fits in self.globs)

    def holds(self, event: Tunable) -> bool:
        return self.fits(event[self.at] if self.at is not None else event.fields.text(self.name))


class _Compiled(Generic[AnEntry]):
    """An entry ready to be tried: the condition on the rule, if any, apart from the others."""

    __slots__ = ("entry", "others", "rule")

    def __init__(self, entry: AnEntry, labels: Sequence[str], rule: str) -> None:
        conditions = [_Condition(name, texts, labels) for name, texts in entry.match.items()]
        # Labels are at hand, a field has to be looked up and made text: labels first.
        conditions.sort(key=lambda condition: condition.at is None)
        self.entry = entry
        self.rule = next((condition for condition in conditions if condition.name == rule), None)
        self.others = tuple(condition for condition in conditions if condition is not self.rule)

    def holds(self, event: Tunable, rule: str) -> bool:
        if self.rule is not None and not self.rule.fits(rule):
            return False
        return all(condition.holds(event) for condition in self.others)


class Tuning(Generic[AnEntry]):
    """All entries, compiled. False where there are none, so that a caller may skip it altogether.

    `labels` are those of the events in their order, `rule` the one that names the rule. Entries are kept by the rule
    that they name, so that an event of a rule that no entry names costs one look-up, however many entries there are.
    """

    __slots__ = ("_any_rule", "_by_rule", "_rule_at")

    def __init__(self, entries: Iterable[AnEntry], labels: Sequence[str], rule: str) -> None:
        compiled = tuple(_Compiled(entry, labels, rule) for entry in entries)
        named = {text for one in compiled if one.rule is not None for text in one.rule.exact}
        self._by_rule = {text: tuple(c for c in compiled if c.rule is None or c.rule.fits(text)) for text in named}
        self._any_rule = tuple(one for one in compiled if one.rule is None or one.rule.globs)
        self._rule_at = labels.index(rule)

    def __bool__(self) -> bool:
        return bool(self._by_rule or self._any_rule)

    def verdict(self, event: Tunable) -> AnEntry | None:
        """The first entry, in the order of the file, whose every condition holds; None without one."""
        rule = event[self._rule_at]
        for one in self._by_rule.get(rule, self._any_rule):
            if one.holds(event, rule):
                return one.entry
        return None
