"""How a configuration is described: dataclasses whose fields carry their kind, default, range and way to change.

One row such as `limit: int = setting(COUNT, "20000", change="live", at_least="1")` feeds the reader, the default, the
check of the documentation and the list of what waits for a restart.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field
from typing import Any, Literal, NamedTuple

from exporter.config.kinds import Scalar

Change = Literal["live", "switch", "restart"]
"""When an edited value is taken into use: at once; at once, but set or unset only at a restart; at a restart."""


@dataclass(frozen=True, slots=True)
class Entries:
    """The kind of a list whose items are mappings described by a dataclass of settings."""

    of: type[Any]
    name: str = "list"


@dataclass(frozen=True, slots=True)
class Several:
    """The kind of a list of values of one kind. Defaults are written with a blank between."""

    of: Scalar

    @property
    def name(self) -> str:
        """As the documentation calls it."""
        return f"list of {self.of.name}"


@dataclass(frozen=True, slots=True)
class Matching:
    """The kind of a mapping from a name to a text or a list of texts without repeats (`exporter/intake/tuning.py`).

    `names` are those that there are, empty where any may be; those of `closed` have only these texts.
    """

    closed: dict[str, tuple[str, ...]]
    names: tuple[str, ...] = ()
    name: str = "mapping"


@dataclass(frozen=True, slots=True)
class Keyed:
    """The kind of a mapping from a text of the kind `key` to a mapping described by a dataclass of settings."""

    of: type[Any]
    key: Scalar
    name: str = "mapping"


Kind = Scalar | Several | Entries | Matching | Keyed


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting; `default` and `at_least` are written as a person would write them."""

    kind: Kind
    default: str
    change: Change
    at_least: str
    required: bool


def setting(kind: Kind, default: str = "", *, change: Change, at_least: str = "", required: bool = False) -> Any:
    """A dataclass field for a setting. Without a default it is None, an empty tuple or mapping, or `required`."""
    about = {"setting": Setting(kind, default, change, at_least, required)}
    if required:
        return field(metadata=about)
    if isinstance(kind, Scalar):
        return field(default=kind.parse(default) if default else None, metadata=about)
    if isinstance(kind, Several):
        return field(default=tuple(map(kind.of.parse, default.split())), metadata=about)
    if isinstance(kind, Keyed):
        return field(default_factory=dict, metadata=about)
    return field(default=(), metadata=about)


def section(of: type[Any]) -> Any:
    """A dataclass field for a part of the configuration with settings of its own, all of which have a default."""
    return field(default=of(), metadata={"section": of})


class Row(NamedTuple):
    """One setting with its full name, such as `series.limit` or `falco.tuning[].action`."""

    path: str
    setting: Setting


def parts(of: type[Any]) -> dict[str, Setting | type[Any]]:
    """The keys that may be written for dataclass `of`: each a setting, or the dataclass of a section."""
    known = ((entry.name, entry.metadata) for entry in dataclasses.fields(of))
    return {name: about.get("setting") or about["section"] for name, about in known if about}


def rows(of: type[Any], prefix: str = "") -> Iterator[Row]:
    """Every setting below dataclass `of`, those of list items included, in the order of the text."""
    for name, part in parts(of).items():
        if not isinstance(part, Setting):
            yield from rows(part, f"{prefix}{name}.")
            continue
        yield Row(prefix + name, part)
        if isinstance(part.kind, Entries | Keyed):
            yield from rows(part.kind.of, f"{prefix}{name}[].")


def value_at(config: Any, path: str) -> Any:
    """The value of the setting named `path` (not one inside a list)."""
    for name in path.split("."):
        config = getattr(config, name)
    return config


def default_of(of: type[Any], name: str) -> Any:
    """The default of field `name`; None for a required one."""
    default = next(entry.default for entry in dataclasses.fields(of) if entry.name == name)
    return None if default is MISSING else default
