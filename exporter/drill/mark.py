"""The mark of a drill's act: which control it is for, when it was done, and a signature.

    threatboard-drill-CONTROL-MILLISECONDS-SIGNATURE

MILLISECONDS is a Unix time, SIGNATURE the first 32 hexadecimal digits of HMAC-SHA256 under `drill.key_file` of all that
stands before its hyphen.
"""

import hmac
import re
from typing import NamedTuple

from exporter.catalog.watch import DRILL_CONTROLS
from exporter.config.credentials import Secret

VALID = 600.0
"""Seconds for which a mark is taken after its act: an event that comes later is an alert like any other."""

AHEAD = 60.0
"""Seconds by which the clock of whoever acted may be ahead of the receiver's."""

PREFIX = "threatboard-drill-"
"""How every mark begins."""

_SIGNATURE = 32
_MARK = re.compile(rf"{PREFIX}({'|'.join(DRILL_CONTROLS)})-([0-9]{{13}})-([0-9a-f]{{{_SIGNATURE}}})")


class Mark(NamedTuple):
    """A mark that was read: `at` is when the act was done, as a Unix time."""

    text: str
    control: str
    at: float


def make(key: Secret, control: str, at: float) -> Mark:
    """The mark of an act that is done now; its time has whole milliseconds."""
    milliseconds = int(at * 1000)
    signed = f"{PREFIX}{control}-{milliseconds:013}"
    return Mark(f"{signed}-{_signature(key, signed)}", control, milliseconds / 1000)


def read(key: Secret, path: str, now: float) -> Mark | None:
    """The mark that is the last part of a path, if it is genuine and valid now."""
    text = path.rpartition("/")[2]
    found = _MARK.fullmatch(text)
    if found is None:
        return None
    signed = text[: -_SIGNATURE - 1]
    if not hmac.compare_digest(_signature(key, signed), found[3]):
        return None
    at = int(found[2]) / 1000
    return Mark(text, found[1], at) if -AHEAD <= now - at <= VALID else None


def _signature(key: Secret, signed: str) -> str:
    return key.sign(signed.encode())[:_SIGNATURE]
