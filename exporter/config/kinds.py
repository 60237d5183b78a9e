"""The kinds of value a setting may have: what a person may write, the Python value it becomes, and back to text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.catalog import MAX_LABEL_BYTES

_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,12})ms)?", re.ASCII)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_LONGEST = 366 * 86400.0
_SIZE = re.compile(r"(\d{1,12})([A-Za-z]*)", re.ASCII)
_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_LARGEST = 1 << 30
_COUNT = re.compile(r"-?(?:0|[1-9]\d{0,11})", re.ASCII)
_SHARE = re.compile(r"[01](?:\.\d{1,6})?", re.ASCII)
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener binds: a host name or IP address without brackets, and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A kind of single value.

    `parse` takes the text as written and raises ValueError with the sentence that helps. `show` gives what `parse`
    takes back. `tag` is the YAML type that the plain text must have ("" for any): a quoted "true" is no boolean.
    """

    name: str
    parse: Callable[[str], Any]
    show: Callable[[Any], object] = str
    tag: str = ""
    wanted: str = ""


def _duration(text: str) -> float:
    """Seconds of `1h30m`, `90s`, `500ms` or a plain `0`."""
    match = _DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if not text or match is None:
        hint = f", did you mean {text}s?" if text.isdecimal() else ""
        raise ValueError(f"must be a duration such as 90s, 1h30m or 500ms, not {text!r}{hint}")
    days, hours, minutes, seconds, thousandths = (int(part or 0) for part in match.groups())
    total = days * 86400.0 + hours * 3600.0 + minutes * 60.0 + seconds + thousandths / 1000
    if total > _LONGEST:
        raise ValueError(f"must be at most 366d, not {text}")
    return total


def _show_duration(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    text = ""
    for unit, length in _SECONDS.items():
        count, thousandths = divmod(thousandths, round(length * 1000))
        text += f"{count}{unit}" if count else ""
    return (text + (f"{thousandths}ms" if thousandths else "")) or "0s"


def _size(text: str) -> int:
    """Bytes of `1MiB`, `64KiB`, `1MB` or a plain number."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"must be a size such as 1MiB, 64KiB, 1MB or a number of bytes, not {text!r}")
    size = int(match[1]) * _UNITS[match[2]]
    if size > _LARGEST:
        raise ValueError(f"must be at most 1GiB, not {text}")
    return size


def _show_size(size: int) -> str | int:
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return size


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError(f"must be a whole number, not {text!r}")
    if (count := int(text)) > 10**9:
        raise ValueError(f"must be at most 1000000000, not {text}")
    return count


def _share(text: str) -> float:
    if not _SHARE.fullmatch(text) or float(text) > 1:
        raise ValueError(f"must be a share from 0 to 1, such as 0.5, not {text!r}")
    return float(text)


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"must be true or false, not {text!r}")
    return text == "true"


def _address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f'must be HOST:PORT such as "0.0.0.0:2801" or "[::]:2801", not {text!r}')
    if (port := int(match[3])) > 65535:
        raise ValueError(f"must have a port from 0 to 65535, not {port}")
    return Address(match[1] or match[2], port)


def _file(text: str) -> Path:
    if not text or not text.isprintable():
        raise ValueError("must be the path of a file")
    return Path(text)


def _reason(text: str) -> str:
    """A reason is a label value and a line in the log, and is there for the people who come later."""
    if not text.strip():
        raise ValueError("must not be empty: say why, for the people who come later")
    if not text.isprintable():
        raise ValueError("must be one line of printable text")
    if (size := len(text.encode())) > MAX_LABEL_BYTES:
        raise ValueError(f"must be at most {MAX_LABEL_BYTES} bytes long, not {size}")
    return text


DURATION = Scalar("duration", _duration, _show_duration)
SIZE = Scalar("size", _size, _show_size)
COUNT = Scalar("number", _count, int, tag="int", wanted="must be a whole number")
SHARE = Scalar("share", _share, float)
SWITCH = Scalar("true or false", _switch, bool, tag="bool", wanted="must be true or false")
ADDRESS = Scalar("host:port", _address)
FILE = Scalar("file", _file)
FOLDER = Scalar("folder", _file)
REASON = Scalar("text", _reason)


def choice(values: tuple[str, ...]) -> Scalar:
    """A kind that takes one of `values`, spelt exactly."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}, not {text!r}")
        return text

    return Scalar(" or ".join(f"`{value}`" for value in values) if len(values) < 4 else "choice", parse)
