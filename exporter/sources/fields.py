"""`output_fields` in the shapes in which they arrive: Falco's object, or what log shippers make of it.

Falco sends one flat object whose keys have dots. Shippers send it as JSON text, as nested objects, with `_` in the
place of dots, or flatten the alert with all that is in it. All are read by Falco's names where that is unambiguous; a
name that Falco itself would spell wins.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from exporter.sources import Rejected
from exporter.sources.shapes import Raw, parsed

_NO_OBJECT = (
    "the alert was counted, but without namespace, pod and workload: its output_fields are no JSON object; "
    "forward them as Falco sends them"
)
_TWO_VALUES = (
    "the alert was counted, but without its {}: its output_fields have two values for it; "
    "forward them as Falco sends them, one flat object"
)
_LONGEST_PATH = 256
_LIFTED = ("output_fields.", "output_fields_")
_EMPTY: tuple[object, ...] = (None, "", "<NA>", "null", "[]", [])


class Read(NamedTuple):
    """Fields by Falco's names, and what is wrong with those that cannot be read: the alert counts all the same."""

    fields: Raw
    fault: Rejected | None = None


def lifted(alert: Raw) -> Raw | None:
    """The fields of an alert that was flattened whole, so that they stand beside its rule; None if there are none."""
    length = len(_LIFTED[0])
    return {key[length:]: value for key, value in alert.items() if key.startswith(_LIFTED)} or None


class Spellings:
    """The names that are read, found in any spelling."""

    def __init__(self, names: Iterable[str]) -> None:
        self._dotted = {name.replace(".", "_"): name for name in names}

    def read(self, sent: object) -> Read:
        """The fields in whatever was sent as `output_fields`."""
        if type(sent) is dict:
            for key, value in sent.items():
                if "." not in key or type(value) is dict:
                    return self._respelt(sent)
            return Read(sent)  # as Falco sends them
        if sent in _EMPTY:
            return Read({})
        inner = parsed(sent) if type(sent) is str else None
        return Read({}, Rejected("bad_fields", _NO_OBJECT)) if inner is None else self._respelt(inner)

    def _respelt(self, sent: Raw) -> Read:
        """The same fields, and beside them those that were spelt in another way."""
        found: Raw = {}
        doubtful = set()
        for name, value in self._others(sent):
            if _says_nothing(value) or not _says_nothing(sent.get(name)):
                continue
            if found.setdefault(name, value) != value:
                doubtful.add(name)
        if not found:
            return Read(sent)
        fields = sent | {name: value for name, value in found.items() if name not in doubtful}
        read = sorted(doubtful.intersection(self._dotted.values()))
        fault = Rejected("bad_fields", _TWO_VALUES.format(" and ".join(read))) if read else None
        return Read(fields, fault)

    def _others(self, sent: Raw) -> Iterator[tuple[str, object]]:
        """What is in objects, or under a name without dots, by the name that Falco would give it."""
        for key, value in sent.items():
            if type(value) is dict:
                for path, inner in _leaves(value, f"{key}."):
                    yield self._dotted.get(path.replace(".", "_"), path), inner
            elif "." not in key and (name := self._dotted.get(key)) is not None:
                yield name, value


def _says_nothing(value: object) -> bool:
    return value is None or value == "" or value == "<NA>"


def _leaves(value: Raw, path: str) -> Iterator[tuple[str, object]]:
    """Every value that is no object, under the names of the objects around it, joined with dots."""
    if len(path) > _LONGEST_PATH:  # else a long name would be copied for each of the values under it
        return
    for key, inner in value.items():
        if type(inner) is dict:
            yield from _leaves(inner, f"{path}{key}.")
        else:
            yield path + key, inner
