"""The rows of the one table that a run prints, and their targets."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be at least, or at most, in the row's unit."""

    value: float
    at_least: bool

    def met(self, measured: float) -> bool:
        return measured >= self.value if self.at_least else measured <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


def at_least(value: float) -> Target:
    return Target(value, at_least=True)


def at_most(value: float) -> Target:
    return Target(value, at_least=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is of, its unit (`x` is a ratio), its target if it has one, and the figures behind it."""

    what: str
    measured: float
    unit: str
    target: Target | None = None
    behind: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing without a target."""
        return "" if self.target is None else "met" if self.target.met(self.measured) else "missed"

    def cells(self) -> tuple[str, ...]:
        shown = f"{self.measured:.3g}" if self.measured < 1000 else f"{self.measured:,.0f}"
        target = "" if self.target is None else str(self.target)
        return self.what, f"{shown} {self.unit}", target, self.verdict, self.behind


HEADS = ("what", "measured", "target", "", "behind it")


def markdown(rows: Iterable[Row]) -> str:
    """The table, in Markdown that also reads well on a terminal."""
    lines = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )
