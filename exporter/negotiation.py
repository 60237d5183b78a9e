"""Which of the two text formats a reader of the page gets, by the rules for Accept (RFC 9110, section 12.5.1).

Our names are made of letters, digits and `_`, so the parameter `escaping` changes nothing: a name is the same in every
format and for every reader. It is neither obeyed nor repeated.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """A format of the page: its media type, the versions by which it may be asked for, and the Content-Type."""

    media_type: str
    versions: tuple[str, ...]
    content_type: str


# Version 1.0.0 of the text format is 0.0.4 with quoted names, of which there are none here.
TEXT = Format("text/plain", ("0.0.4", "1.0.0"), "text/plain; version=0.0.4; charset=utf-8")
OPENMETRICS = Format(
    "application/openmetrics-text", ("1.0.0",), "application/openmetrics-text; version=1.0.0; charset=utf-8"
)
_FORMATS = (TEXT, OPENMETRICS)

_MAX_RANGES = 64
"""Media ranges that are read of one header; Prometheus sends five."""


class _Range(NamedTuple):
    """One media range of an Accept header, in lower case; `version` is None where it names none."""

    kind: str
    version: str | None
    quality: float

    def fit(self, offer: Format) -> int:
        """How exactly this range names a format: 0 not at all, more for fewer wildcards and for a version."""
        if self.kind == offer.media_type:
            return 3 if self.version is None else 4 * (self.version in offer.versions)
        if self.version is not None:
            return 0
        return {"*/*": 1, offer.media_type.partition("/")[0] + "/*": 2}.get(self.kind, 0)


def choose(accept: str) -> Format:
    """The format that an Accept header prefers; the plain text format where it does not say, or takes neither."""
    ranges = [_parse(text) for text in accept.lower().split(",", _MAX_RANGES)[:_MAX_RANGES]]
    liked = []
    for rank, offer in enumerate(_FORMATS):
        fit, quality, place = max((one.fit(offer), one.quality, -place) for place, one in enumerate(ranges))
        if fit and quality:
            # Of two that are liked equally the one named first; `*/*`, which names both, is the text format.
            liked.append((quality, place, -rank, offer))
    return max(liked)[-1] if liked else TEXT


def _parse(text: str) -> _Range:
    kind, *parameters = (part.strip() for part in text.split(";"))
    named = dict(parameter.partition("=")[::2] for parameter in parameters)
    return _Range(kind, _unquoted(named["version"]) if "version" in named else None, _quality(named.get("q", "1")))


def _unquoted(value: str) -> str:
    return value.strip().strip('"')


def _quality(text: str) -> float:
    """A weight from 0 to 1; 0, which is "not at all", for what is none."""
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
