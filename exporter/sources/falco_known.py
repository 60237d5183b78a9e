"""Alerts of kinds that were seen before: to parse once more what Falco says again and again tells nothing new.

`exporter/sources/falco.py` is the one definition of what an alert means. Here its answers are remembered: all that
decides over an alert's labels and tuning is a key, and an alert whose key is known gets the labels of the first. What
is read of each alert anew is its time and what its event line says beside the labels. Whatever is not as Falco itself
sends it is no key and is parsed as if nothing were remembered, and so is everything when the memory is full.

`tests/exporter/intake/test_known_alerts.py` compares both ways over generated and recorded alerts.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, TypeAlias

from exporter.sources import Kind, Line, Rejected, Repeat
from exporter.sources.body import NESTED, documents
from exporter.sources.falco import FALCO, LABEL_FIELDS, FalcoEvent, happened, read
from exporter.sources.falco_events import DESCRIBED, DESCRIPTOR, FalcoAlert, Fields
from exporter.sources.memory import Memory
from exporter.sources.text import MAX_TEXT_BYTES, clean

MAX_KINDS = 4096
"""Kinds remembered, about 1.5 KB each; full of the largest that can be made, with their shapes, 37 MB."""

MAX_SHAPES = 512
"""Shapes of `output_fields` remembered: about one for each rule."""

MAX_KEY = 1024
"""Bytes of text in a key of a kind, characters in all names of a shape; what has more is not remembered."""

MAX_PARTS = 64
"""Texts in a key of a kind, or names in a shape: the shortest text takes 8 to 80 bytes of memory."""

Value: TypeAlias = dict[str, object]
Key: TypeAlias = tuple[object, ...]
"""Shape, rule, priority, source, hostname, tags, and the values of the deciding fields, as they were sent."""


class Shape:
    """What can be told of all `output_fields` with these keys, in this order, before their values are seen."""

    __slots__ = ("_choices", "_connection", "_file", "_texts", "identity", "used")

    def __init__(self, fields: tuple[str, ...], deciding: Iterable[str]) -> None:
        present = frozenset(fields)
        self.used = False
        self.identity = getter([name for name in deciding if name in present])
        """Of `output_fields`: the values that decide over labels and tuning."""
        said = {key: [name for name in names if name in present] for key, names in DESCRIBED.items()}
        said = {key: names for key, names in said.items() if names}
        firsts = [names[0] for names in said.values()]
        self._choices = tuple((at, names) for at, names in enumerate(said.values()) if len(names) > 1)
        descriptor = DESCRIPTOR in present
        self._texts = getter([*firsts, DESCRIPTOR] if descriptor else firsts)
        self._file = (*said, "file", "output") if descriptor else (*said, "output")
        self._connection = (*said, "connection", "output") if descriptor else self._file

    def said(self, fields: Value, output: object) -> Line | None:
        """What the event line says beside the labels, if all of it is clean text already."""
        texts: list[Any] = [*self._texts(fields), output]
        for at, names in self._choices:
            for name in names:
                texts[at] = fields[name]
                if texts[at] not in _NOTHING:
                    break
        try:
            together = "".join(texts)
            odd = "<NA>" in together
        except TypeError:
            odd = True
        if odd:
            texts = ["" if text is None or text == "<NA>" else text for text in texts]
            if not all(type(text) is str for text in texts):
                return None
            together = "".join(texts)
        if not together.isprintable() or len(together) > (MAX_TEXT_BYTES if together.isascii() else _ANY_TEXT):
            return None
        keys = self._file
        if self._connection is not keys and "->" in texts[-2]:
            keys = self._connection
        if "" in texts:
            return {key: text for key, text in zip(keys, texts, strict=True) if text}
        return dict(zip(keys, texts, strict=True))


_NOTHING = (None, "", "<NA>")
_ANY_TEXT = MAX_TEXT_BYTES // 4  # characters of at most four bytes


def getter(names: list[str]) -> Callable[[Value], tuple[object, ...]]:
    """Gives the values under these names; `itemgetter` alone gives one value bare, and takes no empty list."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda fields: tuple([fields[name] for name in names])


class AlertKind(Kind):
    """Alerts that have these labels, in the catalog's order."""

    __slots__ = ("labels",)

    def __init__(self, alert: FalcoAlert) -> None:
        super().__init__(alert.hostname, alert.describe_labels())
        self.labels = alert[:8]


class RepeatedAlert(Repeat):
    """An alert of a known kind."""

    __slots__ = ("_fields", "_output", "_shape")
    kind: AlertKind

    def __init__(self, kind: AlertKind, time: float | None, shape: Shape, fields: Value, output: object) -> None:
        self.kind = kind
        self.time = time
        self._shape = shape
        self._fields = fields
        self._output = output

    def rest(self) -> Line | None:
        return self._shape.said(self._fields, self._output)

    def whole(self) -> FalcoAlert:
        return FalcoAlert(*self.kind.labels, self.time, clean(self._output, MAX_TEXT_BYTES), Fields(self._fields))


class KnownAlerts:
    """Parses as `falco.parse` does, and remembers.

    `tuned` are the output_fields that tuning entries name; what has one of the fields `single` is never of a kind.
    """

    def __init__(self, tuned: Iterable[str] = (), single: Iterable[str] = ()) -> None:
        self._deciding = (*LABEL_FIELDS, *tuned)
        self._single = frozenset(single)
        self._shapes: Memory[tuple[str, ...], Shape] = Memory(MAX_SHAPES)
        self._kinds: Memory[Key, AlertKind] = Memory(MAX_KINDS)

    def parse(self, body: bytes, max_events: int) -> list[FalcoEvent | RepeatedAlert | Rejected]:
        """The events in a decompressed body, as `falco.parse` gives them but for those of a known kind."""
        found: list[FalcoEvent | RepeatedAlert | Rejected] = []
        for value in documents(body, max_events, FALCO.hint):
            if type(value) is Rejected:
                found.append(value)
                continue
            event, fault = self._event(value)
            found.append(event)
            if fault is not None:
                found.append(fault)
        return found

    def _event(self, value: object) -> tuple[FalcoEvent | RepeatedAlert | Rejected, Rejected | None]:
        if type(value) is not dict or "@timestamp" in value:
            return read(value)
        get = value.get
        fields: object = get("output_fields")
        if type(fields) is not dict or (shape := self._shape(fields)) is None:
            return read(value)
        tags = get("tags")
        key = (
            shape,
            get("rule"),
            get("priority"),
            get("source"),
            get("hostname"),
            tuple(tags) if type(tags) is list else tags,
            shape.identity(fields),
        )
        try:
            kind = self._kinds.get(key)
        except TypeError:  # an array or an object is in the place of a text
            return read(value)
        if kind is None:
            event, fault = read(value)
            if type(event) is FalcoAlert and self._kinds.has_room() and _is_plain(key):
                self._kinds.put(key, AlertKind(event))
            return event, fault
        kind.used = shape.used = True
        return RepeatedAlert(kind, happened(get("time"), fields), shape, fields, get("output") or get("message")), None

    def _shape(self, fields: Value) -> Shape | None:
        """The shape of fields as Falco sends them; None if they may be spelled in another way, are many, or single."""
        if len(fields) > MAX_PARTS:
            return None
        names = tuple(fields)
        shape = self._shapes.get(names)
        if shape is None:
            if not self._single.isdisjoint(names):
                return None
            if not self._shapes.has_room() or not all("." in name for name in names) or len("".join(names)) > MAX_KEY:
                return None
            shape = Shape(names, self._deciding)
            self._shapes.put(names, shape)
        # What is nested takes many times its bytes of memory, and such events are kept until their lines are made.
        return shape if NESTED.isdisjoint(map(type, fields.values())) else None


def _is_plain(key: Key) -> bool:
    """Does a key hold short texts alone? Numbers of different kinds are equal, and mean different labels."""
    rule = key[1]
    parts = [part for item in key[1:] for part in (item if isinstance(item, tuple) else (item,))]
    texts = [part for part in parts if isinstance(part, str)]
    absent = parts.count(None)
    return (
        isinstance(rule, str)
        and len(parts) <= MAX_PARTS
        and len(texts) + absent == len(parts)
        and len("".join(texts).encode("utf-8", "surrogatepass")) <= MAX_KEY
    )
