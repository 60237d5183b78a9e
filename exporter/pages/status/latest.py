"""The latest events: who did what, when and where, and what tuning made of it."""

from collections.abc import Iterator

from exporter.catalog import FINDINGS, SEVERITY_OF_PRIORITY
from exporter.events import Record, rfc3339
from exporter.pages.status.facts import Status
from exporter.pages.status.markup import Html, element, foreign, link
from exporter.pages.status.pieces import CONTROL_NAMES, duration, no_data, none, section
from exporter.sources import Line

_HEADLINE = ("received", "time", "control", "rule", "priority", "namespace", "workload", "pod", "node", "output")
"""Keys of an event line that have their place at the top of an event; all others follow by name."""


def events(status: Status) -> Html:
    """The section with the newest events, all or those asked for."""
    chosen = [f"{name} {value}" for name, value in status.wanted.items()]
    title = "Latest events"
    if not status.kept:
        if any(one.accepted for one in status.controls):
            return section(title, none("Events are counted, but not kept: events.keep is 0."))
        return section(title, no_data("Nothing has arrived since this replica started."))
    shown = f"{len(status.events):,} of {status.matching:,}, newest first"
    about: list[str] = [shown, ". ", link("/api/v1/events", status.wanted, "All of them as JSON"), "."]
    if chosen:
        about += [" Only ", foreign(", ".join(chosen)), ". ", link("/", {}, "Show every event"), "."]
    if not status.events:
        return section(title, element("p", *about), none("No event that is kept fits."))
    items = [_event(record, status.now) for record in status.events]
    return section(title, element("p", *about, class_="soft"), element("ol", *items, class_="events"))


def _event(record: Record, now: float) -> Html:
    line = record.line()
    key = FINDINGS[str(line["control"])].severity
    priority = line.get(f"{key}_counted") or line.get(key)
    stopped = line.get("verdict") == "blocked"
    severity = "info" if stopped else SEVERITY_OF_PRIORITY.get(str(priority), "info")
    heading: list[str] = [foreign(line.get("rule") or CONTROL_NAMES[str(line["control"])])]
    if "suppressed" in line:
        heading = [element("span", "suppressed", class_="badge"), " ", *heading]
    if priority:
        heading = [element("span", foreign(priority), class_=f"badge {severity}"), " ", *heading]
    parts = [element("h3", *heading), element("p", *_where(record, line, now), class_="soft")]
    if line.get("output"):
        parts.append(element("p", foreign(line["output"]), class_="output"))
    shown = {*_HEADLINE, key} if f"{key}_counted" not in line else {*_HEADLINE} - {key}
    details = [
        element("div", element("dt", name.replace("_", " ")), " ", element("dd", foreign(value)))
        for name, value in line.items()
        if name not in shown
    ]
    if details:
        parts.append(element("dl", *details, class_="details"))
    return element("li", *parts, class_=f"event {severity}")


def _where(record: Record, line: Line, now: float) -> Iterator[str]:
    age = duration(now - record.received)
    yield element("time", f"{age} ago", datetime=rfc3339(record.received))
    yield ", at "
    yield foreign(line.get("time") or line["received"])
    place = [foreign(line[key]) for key in ("namespace", "workload", "pod") if line.get(key)]
    if place:
        yield " · "
        yield Html(" / ".join(place))
    if line.get("node"):
        yield " · node "
        yield foreign(line["node"])
