"""The sections of the status page in their order: what needs a person first, single events last."""

from collections.abc import Iterator, Sequence

from exporter.catalog import REJECT_REASONS
from exporter.pages.status.facts import ControlStatus, Status
from exporter.pages.status.latest import events
from exporter.pages.status.markup import Html, element, foreign, link
from exporter.pages.status.pieces import CONTROL_NAMES, duration, moment, narrowing, no_data, none, section, table


def body(status: Status, replica: str, version: str, uptime: float) -> Iterator[Html]:
    """Everything inside `<body>`; `uptime` in seconds."""
    about = f"Replica {replica}, version {version}, up for {duration(uptime)}."
    yield element(
        "header",
        element("h1", "threatboard"),
        element("p", about, " These are the numbers of this replica alone; Prometheus adds up all replicas."),
        element("p", "As of ", moment(status.now), ". ", link("/", status.wanted, "Refresh")),
    )
    summary = (
        *_attention(status),
        _controls(status),
        _busiest(status),
        element("div", _rejected(status), _suppressed(status), class_="columns"),
        _replica(status),
    )
    latest = events(status)  # many and long: last, unless it is them that were asked for
    yield element("main", *((latest, *summary) if status.wanted else (*summary, latest)))


def _attention(status: Status) -> Iterator[Html]:
    if not status.accepted:
        title = "No event has been accepted yet" if status.received else "Nothing has arrived yet"
        yield section(title, _first_steps())
    concerns = list(_concerns(status))
    settled = none("Every expected control has spoken to this replica.")
    yield section("Needs attention", _list(concerns) if concerns else settled)


def _list(concerns: Sequence[str]) -> Html:
    return element("div", element("ul", *[element("li", concern) for concern in concerns]), class_="card bad")


def _concerns(status: Status) -> Iterator[str]:
    for one in status.controls:
        name = CONTROL_NAMES[one.control]
        if one.pushed and one.expected and one.last is None and not one.accepted:
            yield f"{name} is expected, but this replica has never had an event from it."
        if one.accepted and not one.expected:
            yield f"{name} sends events but is not expected: set it in controls, so that its silence becomes an alarm."
    if status.configured is not None and not status.last_reload_good:
        yield "The configuration file has a fault, so the old one is still in use: the log says what is wrong."
    for family in status.families:
        if family.overflowed:
            yield (
                f"{family.name} is out of series: {family.overflowed:,} events were counted without their own labels. "
                "Tune the noisiest rules, or raise series.limit or series.max_bytes."
            )
    if status.lines_dropped:
        yield f"{status.lines_dropped:,} event lines were not written, because standard output was stuck."


def _first_steps() -> Html:
    sending = Html("json_output: true\nhttp_output:\n  enabled: true\n  url: http://SERVICE:2801/falco")
    return element(
        "div",
        element(
            "ol",
            element(
                "li", "Send a test alert to the port of intake.listen: ", element("code", "threatboard send-test URL")
            ),
            element("li", "Point Falco here; falco.yaml needs both of these:", element("pre", sending)),
            element(
                "li",
                "Falco logs when it cannot connect. What is refused here is listed below, with the reason.",
            ),
        ),
        class_="card",
    )


def _controls(status: Status) -> Html:
    if not status.controls:
        return section("Controls", none("No control is expected (setting controls), and none has sent anything."))
    cards = [_control(one, status.now) for one in status.controls]
    return section("Controls", element("div", *cards, class_="columns"))


def _control(one: ControlStatus, now: float) -> Html:
    title = element("h3", CONTROL_NAMES[one.control])
    if not one.pushed:
        sentence = "Expected. Prometheus reads its own metrics, nothing of it arrives here: the boards show it."
        return element("article", title, element("p", sentence, class_="soft"), class_="card")
    expected = f"yes ({', '.join(one.expected)})" if one.expected else "no"
    facts: list[tuple[str, str]] = [
        ("Last event", _last(one, now)),
        ("From", f"{one.nodes:,} node{'' if one.nodes == 1 else 's'}"),
        ("Expected", expected),
        ("Accepted", f"{one.accepted:,}"),
        ("Rejected", f"{one.rejected:,}"),
    ]
    if one.proven is not None:
        facts.insert(1, ("Last drill", _ago(one.proven, now)))
    pairs = [element(name, value) for label, content in facts for name, value in (("dt", label), ("dd", content))]
    state = "good" if one.last is not None else "bad" if one.expected else ""
    return element(
        "article",
        title,
        element("dl", *pairs, class_="facts"),
        class_=f"card {state}",
    )


def _last(one: ControlStatus, now: float) -> Html:
    if one.last is not None:
        return _ago(one.last, now)
    if one.accepted:
        return element("span", "so long ago that its series expired (series.idle_expiry)", class_="never")
    return element("span", "never, since this replica started", class_="never")


def _ago(when: float, now: float) -> Html:
    return element("span", element("strong", duration(now - when), " ago"), ", at ", moment(when))


def _busiest(status: Status) -> Html:
    title = "Busiest rules and namespaces"
    if not status.rules:
        if status.accepted:
            return section(title, none("No alert was counted."))
        return section(title, no_data("No alert has arrived since this replica started."))
    rules = [(narrowing("rule", rule), control, count) for control, rule, count in status.rules]
    namespaces = [(narrowing("namespace", namespace), count) for namespace, count in status.namespaces]
    tables = (
        table("Alerts counted, suppressed ones left out", ("Rule", "Control", "Alerts"), rules),
        table("The same by the namespace they are about", ("Namespace", "Alerts"), namespaces),
    )
    return section(title, element("div", *tables, class_="columns"))


def _rejected(status: Status) -> Html:
    title = "Rejected"
    if status.rejected:
        rows = [(CONTROL_NAMES[control], _reason(reason), count) for control, reason, count in status.rejected]
        return section(title, table("Events and requests that were not taken", ("Control", "Why", "Count"), rows))
    if status.received:
        return section(title, none("Everything that arrived was accepted."))
    return section(title, no_data("Nothing has arrived since this replica started."))


def _reason(reason: str) -> Html:
    return element("span", REJECT_REASONS[reason], " ", element("code", reason, class_="soft"))


def _suppressed(status: Status) -> Html:
    title = "Suppressed alerts"
    if status.suppressed:
        rows = [
            (narrowing("rule", rule), control, foreign(reason), count)
            for control, rule, reason, count in status.suppressed
        ]
        columns = ("Rule", "Control", "Reason", "Count")
        return section(title, table("Accepted, but not counted as alerts", columns, rows))
    if status.accepted:
        return section(title, none("No alert was suppressed."))
    return section(title, no_data("No alert has arrived since this replica started."))


def _replica(status: Status) -> Html:
    if status.configured is None:
        reading: tuple[str, ...] = ("No configuration has been read yet.",)
    elif status.last_reload_good:
        reading = ("The last read of the configuration succeeded, at ", moment(status.configured), ".")
    else:
        reading = ("The last read of the configuration failed; in use is that of ", moment(status.configured), ".")
    rows = [(element("code", one.name), one.held, one.limit, one.overflowed, one.expired) for one in status.families]
    columns = ("Family", "Held", "Limit", "Overflow", "Expired")
    return section("This replica", element("p", *reading), table("Series in the store", columns, rows))
