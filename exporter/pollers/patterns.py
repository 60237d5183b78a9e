"""Regular expressions of Prometheus, Alertmanager and their operator: Go's syntax, anchored at both ends.

Who may make an object in the cluster may write one, and Python's own engine can be kept busy for ever by a short
pattern; RE2 takes linear time, as Go's does. The only importer of `re2`.
"""

from functools import lru_cache
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # it would write to standard error by itself
_OPTIONS.dot_nl = True  # as Prometheus and Alertmanager compile them
_OPTIONS.max_mem = 1 << 20


def matches(pattern: str, text: str) -> bool | None:
    """Whether the whole of `text` matches; None for a pattern that is none, or is too large."""
    compiled = _compiled(pattern)
    return None if compiled is None else compiled.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError):  # the latter: half of a surrogate pair
        return None
