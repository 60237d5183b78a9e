"""What the sections of the status page are made of. "None" and "no data yet" never look the same."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from exporter.catalog import OTHER, UNATTRIBUTED
from exporter.events import rfc3339
from exporter.pages.status.markup import Html, element, foreign, link

CONTROL_NAMES = {
    "ids": "Falco (ids)",
    "network": "Cilium (network)",
    "waf": "Web application firewall (waf)",
    "platform": "Monitoring (platform)",
    UNATTRIBUTED: "sender unknown",
}

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float) -> str:
    """A span of time in its two largest units: `3 d 4 h`, `12 s`."""
    left = max(0, int(seconds))
    for index, (length, unit) in enumerate(_UNITS):
        if left >= length:
            smaller, name = _UNITS[index + 1] if index + 1 < len(_UNITS) else (1, "")
            rest = left % length // smaller
            return f"{left // length} {unit}" + (f" {rest} {name}" if name and rest else "")
    return "0 s"


def moment(timestamp: float) -> Html:
    """A Unix time for people, in UTC."""
    shown = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return element("time", shown, datetime=rfc3339(timestamp))


def section(title: str, *content: Html) -> Html:
    """A part of the page under its heading."""
    return element("section", element("h2", title), *content)


def none(sentence: str) -> Html:
    """It is known that there is nothing."""
    return element("p", element("strong", "None."), " ", sentence, class_="none")


def no_data(sentence: str) -> Html:
    """It is not known whether there is anything."""
    return element("p", element("strong", "No data yet."), " ", sentence, class_="nodata")


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> Html:
    """A table of at least one row, whose first column names it; numbers are aligned, and so are their heads."""
    filled = [[_cell(value, at == 0) for at, value in enumerate(row)] for row in rows]
    numeric = [cell.startswith('<td class="number"') for cell in filled[0]]
    heads = [
        element("th", column, scope="col", **({"class_": "number"} if number else {}))
        for column, number in zip(columns, numeric, strict=True)
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *heads)),
            element("tbody", *[element("tr", *cells) for cells in filled]),
        ),
        class_="scroll",
    )


def _cell(value: str | int, first: bool) -> Html:
    if isinstance(value, int):
        return element("td", f"{value:,}", class_="number")
    return element("th", value, scope="row") if first else element("td", value)


def narrowing(name: str, value: str) -> Html:
    """A link that narrows the events to this value, where there can be such events."""
    if not value:
        return element("em", f"no {name}")
    if value == OTHER:
        return element("em", "all past the limits of series")
    return link("/", {name: value}, foreign(value))
