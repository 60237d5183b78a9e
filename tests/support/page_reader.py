"""Reads the status page as strictly as it is written."""

import unicodedata
from html.parser import HTMLParser

from exporter.server.http import Answer
from tests.support.seen import Seen

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "article", "div"),
    *("h1", "h2", "h3", "p", "span", "strong", "em", "a", "bdi", "code", "pre", "time"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "dl", "dt", "dd"),
}
ATTRIBUTES = {"charset", "class", "content", "datetime", "dir", "href", "lang", "name", "scope"}


class Reader(HTMLParser):
    """Reads a page as strictly as we write it, and keeps its structure and the text under each heading."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.sections: dict[str, str] = {"": ""}
        self._open: list[str] = []
        self._title = ""
        self.feed(answer.body.decode("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        self.tags.append(tag)
        if tag != "meta":
            self._open.append(tag)
        if tag == "h2":
            self._title = ""
        for name, value in attrs:
            assert name in ATTRIBUTES
            assert value is not None
            if name == "href":
                self.links.append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(f"we write no <{tag}/> with {attrs}")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            return
        assert not [
            character
            for character in data
            if unicodedata.category(character) in ("Cc", "Cf", "Cs") and character != "\n"
        ]
        if "bdi" not in self._open:
            assert not [character for character in data if unicodedata.bidirectional(character) in ("R", "AL", "AN")]
        if self._open[-1:] == ["h2"]:
            self._title = data
            self.sections[data] = ""
        else:
            self.sections[self._title] += data + " "

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"we write no comments: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"we write no processing instructions: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"we write no declarations: {data}")


def read(seen: Seen, **query: str) -> dict[str, str]:
    """The text of the page by heading, blanks joined."""
    return {title: " ".join(text.split()) for title, text in Reader(seen.show(**query)).sections.items()}
