"""HTML that is escaped by construction: a plain string becomes part of a page only as text.

What attackers typed ends on these pages. So there is no template to forget an escape in, no script, and no link but
to our own paths; and characters that show nothing, or that reorder what is shown, are written out as `\\u202e`.
"""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Literal
from urllib.parse import urlencode

from exporter.server.http import Answer

MAX_SHOWN_CHARS = 1000
"""A foreign text longer than this is cut on a page; `/api/v1/events` has it in full."""


class Html(str):
    """Markup that may be sent as it is."""

    __slots__ = ()


class _Visible(dict[int, str]):
    """For `str.translate`: what each character is shown as. Fills itself with the characters in use."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = character if character.isprintable() else character.encode("unicode_escape").decode()
        return self.setdefault(code, shown)


_VISIBLE = _Visible()
_VOID = ("meta",)


def text(value: str) -> Html:
    """Any text, for an element or an attribute's value; lone surrogates and control characters are written out."""
    return Html(escape(value if value.isprintable() else value.translate(_VISIBLE)))


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """An element. Children that are not `Html` are text; `class_` stands for `class`, and `_` in a name for `-`."""
    start = name
    for key, value in attributes.items():
        start += f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
    if name in _VOID:
        return Html(f"<{start}>")
    inner = "".join([child if isinstance(child, Html) else text(child) for child in children])
    return Html(f"<{start}>{inner}</{name}>")


def foreign(value: object) -> Html:
    """Text from outside, cut and set apart: writing from right to left in it cannot reorder what stands around it."""
    shown = str(value)
    if len(shown) > MAX_SHOWN_CHARS:
        shown = shown[: MAX_SHOWN_CHARS - 1] + "…"
    return Html(f'<bdi dir="ltr">{text(shown)}</bdi>')


def link(path: Literal["/", "/api/v1/events"], query: Mapping[str, str], *children: str) -> Html:
    """A link to one of our own paths."""
    parameters = urlencode(query, errors="replace")
    return element("a", *children, href=f"{path}?{parameters}" if parameters else path)


def page(title: str, style: str, *body: Html) -> Answer:
    """A whole page, with headers under which a browser runs no script and fetches nothing, whatever is in it."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(style)),
    )
    document = "<!DOCTYPE html>\n" + element("html", head, element("body", *body), lang="en")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    )
    return Answer(200, document.encode(), headers)
