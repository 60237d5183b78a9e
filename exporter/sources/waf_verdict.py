"""What became of a request in which a WAF found something: said by the record, or inferred from it."""

from typing import NamedTuple

from exporter.sources import waf_rules

_MODES = {
    "enabled": "blocking",
    "on": "blocking",
    "detectiononly": "detection_only",
    "disabled": "off",
    "off": "off",
}
_REFUSED = (403, 406)


class Verdict(NamedTuple):
    """`name` is empty where nothing was found. `inferred`: the record does not say it."""

    name: str
    inferred: bool = False


CLEAN = Verdict("")


def mode_of(engine: object) -> str:
    """The catalog's mode of a rule engine, as `secrules_engine` (ModSecurity) or `rule_engine` (Coraza) names it."""
    return _MODES.get(engine.lower(), "unknown") if isinstance(engine, str) else "unknown"


def verdict(interrupted: object, mode: str, numbers: list[int], status: int) -> Verdict:
    """What became of a request.

    `interrupted` is the record's `is_interrupted`, None where it has none: libmodsecurity says it since 3.0.16, Coraza
    since 3.2. `numbers` are all rules that matched, `status` is the answer's.
    """
    if isinstance(interrupted, bool):
        if interrupted:
            return Verdict("blocked")
        return Verdict("detected") if any(not waf_rules.evaluates(number) for number in numbers) else CLEAN
    if not numbers:
        return CLEAN  # an application's own 403 or 500, which the WAF is told to record as well
    if mode in ("detection_only", "off"):
        return Verdict("detected")
    stopped = not waf_rules.BLOCKING.isdisjoint(numbers)
    if mode == "unknown":
        stopped = stopped and status in _REFUSED
    # A rule of somebody's own that refuses does so itself. One of the CRS only adds to a score, and an application's
    # own 403 to a request with a low one was not the WAF's.
    stopped = stopped or (status in _REFUSED and any(map(waf_rules.is_custom, numbers)))
    return Verdict("blocked" if stopped else "detected", inferred=True)
