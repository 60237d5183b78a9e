"""Objects that are no alert of Falco's own shape: an alert in an envelope, or what falcosidekick sends to others."""

from exporter.sources import Rejected
from exporter.sources.body import within

Raw = dict[str, object]

# Keys that a body has together -> for which receiver falcosidekick makes it.
_MADE_FOR = (
    (frozenset({"labels", "annotations"}), "Alertmanager"),
    (frozenset({"streams"}), "Loki"),
    (frozenset({"attachments"}), "Slack"),
    (frozenset({"uuid", "@timestamp"}), "Elasticsearch"),
)
_OTHER_OUTPUT = "falcosidekick makes this for {}: use its webhook output instead, with this URL as webhook.address"
_NO_ALERT = "not a Falco alert: it has no `rule`, `priority`, `output` or `output_fields`"
_WAF_RECORD = "this is an audit record of a WAF: POST it to /waf"
_LINE_KEYS = ("log", "message")


def unwrapped(value: Raw) -> Raw:
    """The alert in an object without a rule: CloudEvents have it as `data`, log shippers as `log` or `message`.

    An object with nothing like that is returned as it is.
    """
    inner = value.get("data") if "specversion" in value else None
    if type(inner) is dict:
        return inner
    for key in _LINE_KEYS:
        line = value.get(key)
        inner = parsed(line) if type(line) is str and line.startswith("{") else line
        if type(inner) is dict and "rule" in inner:
            return inner
    return value


def parsed(text: str) -> Raw | None:
    """The object in a JSON text; None if there is none, or one that is nested too deeply."""
    value = within(text) if text.lstrip().startswith("{") else None
    return value if type(value) is dict else None


def made_for_another(value: Raw) -> Rejected | None:
    """The refusal of what falcosidekick makes for another receiver; None for all else."""
    for keys, receiver in _MADE_FOR:
        if keys <= value.keys():
            return Rejected("not_an_alert", _OTHER_OUTPUT.format(receiver))
    return None


def no_alert(value: Raw) -> Rejected:
    """The refusal of an object that has nothing of an alert."""
    if type(value.get("transaction")) is dict:
        return Rejected("not_an_alert", _WAF_RECORD)
    return made_for_another(value) or Rejected("not_an_alert", _NO_ALERT)
