"""What the demo says: plain lines, with a little colour where a person reads them."""

import os
import sys
import textwrap
from typing import TextIO

BOLD, DIM, RED, YELLOW, GREEN = "1", "2", "31", "33", "32"
WIDTH = 110


class Terminal:
    """Writes lines; colours only on a terminal, and not when NO_COLOR is set."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colours = out.isatty() and not os.environ.get("NO_COLOR")

    def heading(self, text: str) -> None:
        """The beginning of an act."""
        self._line("")
        self._line(self._coloured(text, BOLD))

    def words(self, text: str, colour: str = "") -> None:
        """A paragraph."""
        for line in textwrap.wrap(text, WIDTH - 2):
            self._line(f"  {self._coloured(line, colour)}")

    def event(self, text: str, colour: str = DIM) -> None:
        """A line that somebody else wrote, such as Falco."""
        for number, line in enumerate(textwrap.wrap(text, WIDTH - 4)):
            self._line(f"  {'  ' if number else '> '}{self._coloured(line, colour)}")

    def seen(self, seconds: float, text: str) -> None:
        """Something that came true, and how long it took."""
        first, *rest = textwrap.wrap(text, WIDTH - 11, break_long_words=False, break_on_hyphens=False)
        self._line(f"  {self._coloured(f'{seconds:5.1f} s', GREEN)}  {first}")
        for line in rest:
            self._line(f"           {line}")

    def quoted(self, text: str, colour: str = "") -> None:
        """Lines of somebody else's, as they are."""
        for line in text.splitlines():
            self._line(f"           | {self._coloured(line, colour)}")

    def failed(self, text: str) -> None:
        """Why the demo ends early."""
        self._line("")
        self._line(self._coloured(f"The demo failed: {text}", RED))

    def _coloured(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if colour and self._colours else text

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)
