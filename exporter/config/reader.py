"""Reads YAML into a described dataclass, strictly: every fault is collected with its line, not only the first."""

import stat
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from exporter.config.kinds import FILE, FOLDER, Scalar
from exporter.config.schema import Entries, Keyed, Matching, Setting, Several, default_of, parts

MAX_BYTES = 4 << 20
"""A larger configuration file is a mistake."""

MAX_CHARS = 4096
"""A longer key or value is a mistake, and would drown the message about it."""

MAX_DEPTH = 32
"""Deeper nesting is a mistake, and would keep the parser busy for seconds."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")}


class _TooDeepError(Exception):
    """The file is nested too deeply; its argument is the line."""


class Loader(yaml.SafeLoader):
    """Ends at nesting that no configuration has, before time and memory go into it."""

    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeepError(self.peek_event().start_mark.line + 1)  # type: ignore[no-untyped-call]
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class Reader:
    """Reads one file and remembers its faults, the line of every key, and which keys were faulty."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.faulty: set[str] = set()
        self._faults: list[tuple[int, str]] = []
        self._lines: dict[str, int] = {}
        self._flat: dict[int, dict[str, tuple[int, Node]]] = {}

    def fault(self, path: str, problem: str, line: int = 0) -> None:
        """Note that the setting `path` ("" for the file) has `problem`; without a line, at the line where it is set."""
        self.faulty.add(path)
        line = line or self._line_of(path)
        place = f"{self.file}:{line}" if line else f"{self.file}"
        self._faults.append((line, f"{place}: {path}: {problem}" if path else f"{place}: {problem}"))

    def messages(self) -> tuple[str, ...]:
        """The faults in the order of the file."""
        return tuple(text for _, text in sorted(self._faults, key=lambda fault: fault[0]))

    def sound(self, path: str) -> bool:
        """True where nothing at, below or above `path` is faulty, so that a further check of it makes sense."""
        return not any(_within(bad, path) or _within(path, bad) for bad in self.faulty)

    def _line_of(self, path: str) -> int:
        while path and path not in self._lines:
            path = path.rpartition(".")[0]
        return self._lines.get(path, 0)

    def read(self, of: type[Any]) -> Any:
        """The whole file as an instance of dataclass `of`; meaningless once there are faults."""
        node = self._compose()
        return of() if node is None else self._section(of, node, "")

    def _compose(self) -> Node | None:
        try:
            # To open a FIFO would wait for somebody who writes into it, and a device may never end.
            if not stat.S_ISREG(self.file.stat().st_mode):
                self.fault("", "is not a file")
                return None
            with self.file.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
            if len(raw) > MAX_BYTES:
                self.fault("", f"is larger than {MAX_BYTES >> 20} MiB, is it the right file?")
                return None
            text = raw.decode("utf-8-sig")
            return yaml.compose(text, Loader=Loader)
        except OSError as error:
            self.fault("", f"cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.fault("", "is not UTF-8 text", raw.count(b"\n", 0, error.start) + 1)
        except yaml.reader.ReaderError as error:
            self.fault("", "holds a character that YAML does not allow", text.count("\n", 0, error.position) + 1)
        except yaml.MarkedYAMLError as error:
            # The mark's own text quotes the file, in which somebody may have put a secret: only its line is used.
            mark = error.problem_mark or error.context_mark
            self.fault(
                "", f"not YAML: {', '.join(filter(None, (error.context, error.problem)))}", mark.line + 1 if mark else 0
            )
        except _TooDeepError as error:
            self.fault("", f"is nested more than {MAX_DEPTH} deep", *error.args)
        return None

    def _section(self, of: type[Any], node: Node, path: str) -> Any:
        known = parts(of)
        values: dict[str, Any] = {}
        items = self._items(node, path)
        for name, (line, value) in items.items():
            full = f"{path}.{name}" if path else name
            self._lines[full] = line
            part = known.get(name)
            if part is None:
                close = get_close_matches(name, known.keys() - items.keys(), n=1)
                # What was meant is as good as faulty: nobody should be told as well that it is missing.
                self.faulty.update(f"{path}.{meant}" for meant in close)
                hint = f", did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}"
                self.fault(full, f"unknown key{hint}", line)
            elif isinstance(part, Setting):
                values[name] = self._setting(of, name, part, value, full)
            else:
                values[name] = self._section(part, value, full)
        for name, part in known.items():
            if isinstance(part, Setting) and part.required and name not in values:
                values[name] = None
                if self.sound(f"{path}.{name}"):
                    self.fault(f"{path}.{name}", "is missing")
        built = of(**values)
        for names, problem in built.faults() if hasattr(built, "faults") else ():
            involved = [f"{path}.{name}" if path else name for name in names]
            if all(map(self.sound, involved)):
                self.fault(involved[0], problem)
        return built

    def _setting(self, of: type[Any], name: str, about: Setting, node: Node, path: str) -> Any:
        kind = about.kind
        if isinstance(kind, Entries):
            return tuple(self._section(kind.of, item, at) for item, at in self._list(node, path))
        if isinstance(kind, Several):
            return self._several(kind, node, path)
        if isinstance(kind, Matching):
            return self._matching(kind, node, path)
        if isinstance(kind, Keyed):
            return self._keyed(kind, node, path)
        try:
            return self._scalar(kind, about, node)
        except ValueError as error:
            self.fault(path, str(error), _line(node))
            return default_of(of, name)

    def _scalar(self, kind: Scalar, about: Setting, node: Node) -> Any:
        if kind in (FILE, FOLDER) and _is_null(node):
            return None
        text = _text(node)
        if kind.tag and node.tag != _TAG + kind.tag:
            raise ValueError(f"{kind.wanted}{' without quotes' if _is_quoted(node) else ''}, not {text!r}")
        value = kind.parse(text)
        if about.at_least and value < kind.parse(about.at_least):
            raise ValueError(f"must be at least {about.at_least}, not {text}")
        return self.file.absolute().parent / value if kind in (FILE, FOLDER) else value

    def _several(self, kind: Several, node: Node, path: str) -> tuple[Any, ...]:
        found = []
        for item, at in self._list(node, path):
            try:
                found.append(kind.of.parse(_text(item)))
            except ValueError as error:
                self.fault(at, str(error), _line(item))
        return tuple(dict.fromkeys(found))

    def _keyed(self, kind: Keyed, node: Node, path: str) -> dict[str, Any]:
        found = {}
        for name, (line, value) in self._items(node, path).items():
            full = f"{path}.{name}"
            self._lines[full] = line
            try:
                found[kind.key.parse(name)] = self._section(kind.of, value, full)
            except ValueError as error:
                self.fault(full, str(error), line)
        return found

    def _matching(self, kind: Matching, node: Node, path: str) -> dict[str, tuple[str, ...]]:
        items = self._items(node, path)
        if not items and self.sound(path):
            self.fault(path, "must not be empty: name a label or an output field", _line(node))
        found: dict[str, tuple[str, ...]] = {}
        for name, (line, value) in items.items():
            full = f"{path}.{name}"
            self._lines[full] = line
            if kind.names and name not in kind.names:
                close = get_close_matches(name, kind.names, n=1)
                hint = f", did you mean {close[0]}?" if close else f"; known here: {', '.join(kind.names)}"
                self.fault(full, f"unknown name{hint}", line)
                continue
            several = [item for item, _ in self._list(value, full)] if isinstance(value, SequenceNode) else [value]
            if not several:
                self.fault(full, "must not be an empty list", line)
            texts = []
            for item in several:
                if _is_null(item):
                    self.fault(full, 'has no value: write "" for what is empty', _line(item))
                    continue
                try:
                    texts.append(_closed(_text(item), kind.closed.get(name)))
                except ValueError as error:
                    self.fault(full, str(error), _line(item))
            found[name] = tuple(texts)
        return found

    def _list(self, node: Node, path: str) -> Iterator[tuple[Node, str]]:
        if isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self._lines[f"{path}[{index}]"] = _line(item)
                yield item, f"{path}[{index}]"
        elif not _is_null(node):
            self.fault(path, "must be a list", _line(node))

    def _items(self, node: Node, path: str) -> dict[str, tuple[int, Node]]:
        """The keys of a mapping with their line and value, merges (`<<`) included; an empty value has none."""
        if _is_null(node):
            return {}
        if not isinstance(node, MappingNode):
            self.fault(path, "must be a mapping (`key: value` lines)", _line(node))
            return {}
        if id(node) in self._flat:
            return self._flat[id(node)]
        # Noted before it is filled, so that a mapping that merges itself ends here.
        found = self._flat[id(node)] = {}
        merged: dict[str, tuple[int, Node]] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                # Of several merged mappings the first that has a key wins.
                sources = value.value if isinstance(value, SequenceNode) else [value]
                for source in sources:
                    merged = self._items(source, path) | merged
                continue
            try:
                name = _text(key)
            except ValueError:
                self.fault(path, "has a key that is not text", _line(key))
                continue
            if name in found:
                full = f"{path}.{name}" if path else name
                self.fault(full, f"duplicate key, first set in line {found[name][0]}", _line(key))
                continue
            found[name] = (_line(key), value)
        for name, item in merged.items():
            found.setdefault(name, item)
        return found


def _within(inner: str, outer: str) -> bool:
    return not outer or inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _TAG + "null"


def _is_quoted(node: Node) -> bool:
    return isinstance(node, ScalarNode) and bool(node.style)


def _text(node: Node) -> str:
    """The text of a scalar as written; ValueError with a sentence for anything else."""
    if not isinstance(node, ScalarNode):
        raise ValueError("must be a single value")
    if _is_null(node):
        raise ValueError("has no value")
    if node.tag not in _SCALARS:
        raise ValueError(f"has the YAML tag {node.tag}: write a plain value")
    text = str(node.value)
    if len(text) > MAX_CHARS:
        raise ValueError(f"is longer than {MAX_CHARS} characters")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("holds half of a surrogate pair, which is no text")
    return text


def _closed(text: str, values: tuple[str, ...] | None) -> str:
    """`text`, unless it can never equal one of the closed `values` of a label."""
    if values is None or "*" in text or text in values:
        return text
    raise ValueError(f"{text!r} is never a value of this label, which are {', '.join(filter(None, values))}")
