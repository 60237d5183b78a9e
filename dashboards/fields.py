"""How single values look: thresholds, mappings of values to words, overrides, and the columns of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboards.board import Json
from dashboards.colours import BAD, FAULT, GOOD, NEUTRAL
from dashboards.queries import NO_RULES

Says = Mapping[int, tuple[str, str]]
"""Value -> (word, colour)."""

STATES: Says = {0: ("MISSING", BAD), 1: ("on", GOOD), 2: ("not expected", NEUTRAL)}
"""What the values of `queries.state()` mean, on every board."""


NO_DATA = "no data"
"""What a cell or tile says, in a colour that alarms, where nobody tells what it should show."""

PLAIN = "text"
"""The colour of writing, in either theme."""

COUNTED: Says = {-1: (NO_RULES, FAULT), 0: ("0", PLAIN)}
"""Numbers that come from recordings: none is no alarm, and what nobody has counted is."""


def steps(limits: Mapping[float, str] | None = None, calm: str = PLAIN) -> Json:
    """Thresholds: `calm` below the first limit, then each limit's colour from there on."""
    lines: list[Json] = [{"color": calm, "value": None}]
    lines += [{"color": hue, "value": value} for value, hue in sorted((limits or {}).items())]
    return {"mode": "absolute", "steps": lines}


def words(says: Mapping[Any, tuple[str, str]]) -> list[Json]:
    """Value mappings for these values, if there are any."""
    options = {
        str(value): {"text": text, "color": hue, "index": index}
        for index, (value, (text, hue)) in enumerate(says.items())
    }
    return [{"type": "value", "options": options}] if options else []


def nothing(text: str) -> Json:
    """The value mapping that makes no data a picture of its own, unlike any number."""
    return {"type": "special", "options": {"match": "null", "result": {"text": text, "color": BAD, "index": 99}}}


def along(text: str) -> Json:
    """A text along the axis of the values; as a default it would be along that of the time as well."""
    properties = [{"id": "custom.axisLabel", "value": text}]
    return {"matcher": {"id": "byType", "options": "number"}, "properties": properties}


def quiet_in_legend() -> Json:
    """Series that are 0 throughout stay out of legend and tooltip."""
    properties = [{"id": "custom.hideFrom", "value": {"legend": True, "tooltip": True, "viz": False}}]
    always = {"reducer": "allIsZero", "op": "gte", "value": 0}
    return {"matcher": {"id": "byValue", "options": always}, "properties": properties}


def override(name: str, properties: Mapping[str, Any]) -> Json:
    """What differs for the field, or series, of this name, or of names that a `/pattern/` matches."""
    return {
        "matcher": {"id": "byRegexp" if name.startswith("/") else "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def hues(terms: Mapping[str, str]) -> list[Json]:
    """Fixed colours for the series of these names."""
    return [override(term, {"color": {"mode": "fixed", "fixedColor": hue}}) for term, hue in terms.items()]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading and how its cells look.

    `bar` draws the number as a bar, `says` fills the cell with the colour of its value's word, `terms` colours words,
    `limits` colours numbers, `none` stands where there is no value or an empty one (NO_DATA alarms), `to` is where a
    cell leads, `every` is shown for whatever value there is.
    """

    title: str
    unit: str = ""
    decimals: int | None = None
    width: int | None = None
    bar: bool = False
    says: Says = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[float, str] = field(default_factory=dict)
    none: str = "–"
    to: str = ""
    every: str = ""

    def properties(self) -> Json:
        """The overrides of the column's field."""
        found: Json = {"noValue": self.none}
        if self.unit:
            found["unit"] = self.unit
        if self.decimals is not None:
            found["decimals"] = self.decimals
        if self.width is not None:
            found["custom.width"] = self.width
        if self.bar:
            found |= {"custom.cellOptions": {"type": "gauge", "mode": "basic"}, "fieldMinMax": True, "min": 0}
            found["color"] = {"mode": "fixed", "fixedColor": "#3D71D9"}
        if self.says:
            found |= {"custom.cellOptions": {"type": "color-background", "mode": "basic"}, "custom.align": "center"}
        if self.terms or self.limits or self.none == NO_DATA:
            found["custom.cellOptions"] = {"type": "color-text"}
        if self.limits:
            found |= {"color": {"mode": "thresholds"}, "thresholds": steps(self.limits)}
        if mapped := self._mappings():
            found["mappings"] = mapped
        if self.to:
            found["links"] = [{"title": "Look closer", "url": self.to}]
        return found

    def _mappings(self) -> list[Json]:
        # Where the rules are not loaded, the row's words say so; it has no number.
        unloaded = {} if self.decimals is None else {-1: ("", "transparent")}
        mapped = words({**unloaded, **self.says, **{term: (term, hue) for term, hue in self.terms.items()}})
        if self.every:
            mapped.append({"type": "regex", "options": {"pattern": ".+", "result": {"text": self.every, "index": 0}}})
        return [*mapped, nothing(NO_DATA)] if self.says or self.none == NO_DATA else mapped
