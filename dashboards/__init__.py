"""Grafana boards as code: `python -m dashboards` writes them into the chart."""

from importlib import import_module
from pathlib import Path

from dashboards.board import Board

HERE = Path(__file__).parent


def boards() -> tuple[Board, ...]:
    """Every board, in the order of their names: each module here that has a BOARD."""
    modules = (import_module(f"dashboards.{path.stem}") for path in sorted(HERE.glob("[a-z]*.py")))
    return tuple(module.BOARD for module in modules if hasattr(module, "BOARD"))
