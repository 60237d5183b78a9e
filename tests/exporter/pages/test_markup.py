"""Any text in an element or in an attribute's value comes out of a parser as it went in."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.pages.status.markup import element, link

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"))) | st.text(st.sampled_from("<>&\"'/= x"))


class Parsed(HTMLParser):
    """What a document says: its start tags with their attributes, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXT, TEXT)
def test_text_and_attributes_survive_a_parser(inner: str, value: str) -> None:
    parsed = Parsed(element("p", inner, title=value, class_="x"))
    assert parsed.tags == [("p", [("title", value), ("class", "x")])]
    assert parsed.text == inner


@pytest.mark.parametrize("value", ['" onload="x', "' onload='x", '"><script>x</script>', "&quot;", "\x00\ud800\u202e"])
def test_a_quote_ends_no_attribute(value: str) -> None:
    for document in (element("p", title=value), link("/", {"rule": value})):
        [(_, attributes)] = Parsed(document).tags
        assert len(attributes) == 1
        assert "<script" not in document
