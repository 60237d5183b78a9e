"""The three acts of a drill: one that Falco tells, one that network policy denies, one that a WAF stops.

Each harms nothing and leaves nothing behind. What says nothing of the control is said to prove nothing, and is never
taken for a denial.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from exporter.clock import Clock
from exporter.config.credentials import Secret
from exporter.config.kinds import Address
from exporter.drill import mark, request

CONNECTS_WITHIN = 2.0
"""Seconds in which a connection is made, or is denied."""


class Act(NamedTuple):
    """What became of an act: `good` if it is as it should be, and a sentence for people.

    `at` is when it was done, as a Unix time, None if it could not be or proves nothing. `stopped`: the control kept it
    from its end, as far as the one who acted can tell; None for an act that is only told.
    """

    control: str
    good: bool
    said: str
    at: float | None = None
    stopped: bool | None = None


def ids(key: Secret, folder: Callable[[], str], clock: Clock) -> Act:
    """Makes a symbolic link over a sensitive file and removes it: nothing is read, and nothing of the file is touched.

    Falco's stable rule "Create Symlink Over Sensitive Files" tells it, with the link's name, which is the mark.
    """
    try:
        made = mark.make(key, "ids", clock.time())
        link = Path(folder(), made.text)
        link.symlink_to("/etc/shadow")
    except OSError as error:
        said = (
            f"No link could be made for Falco to see: {error.strerror or error}. "
            "Set TMPDIR to a folder that may be written to, in a pod the mount of an emptyDir."
        )
        return Act("ids", False, said)
    try:
        link.unlink()
    except OSError as error:
        said = f"The link {link} could not be removed again: {error.strerror}. Remove it; it leads to /etc/shadow."
        return Act("ids", False, said, made.at)
    return Act("ids", True, f"A link to /etc/shadow was made in {link.parent} and removed: Falco tells of it.", made.at)


def network(allowed: Address, denied: Address, clock: Clock) -> Act:
    """Connects to where network policy lets it, and then to where it does not, once each."""
    if (error := _connect(allowed)) is not None:
        said = (
            f"{allowed} (drill.allowed) cannot be reached: {_words(error)}. So it would prove nothing that "
            "drill.denied cannot be either: see that it listens, that its name is known, and that a policy allows it."
        )
        return Act("network", False, said)
    at = int(clock.time() * 1000) / 1000  # as marks have it
    error = _connect(denied)
    if error is None:
        said = (
            f"{denied} (drill.denied) was reached: network policy denied nothing. Is there a policy of egress for this "
            "pod, and does the cluster's network enforce policies?"
        )
        return Act("network", False, said, at, False)
    if isinstance(error, TimeoutError | PermissionError):  # the latter is what a filter of packets on this node says
        return Act("network", True, f"{denied} was denied, and {allowed} was not.", at, True)
    said = (
        f"{denied} (drill.denied) cannot be reached, but not by a policy: {_words(error)}. That proves nothing: "
        "give an address where somebody listens, and let policy drop what it denies instead of answering."
    )
    return Act("network", False, said)


def _connect(address: Address) -> Exception | None:
    """Connects to the first address of a host; None if that was possible."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(CONNECTS_WITHIN)
            connection.connect(where)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    except (OSError, UnicodeError) as error:  # the latter: a name that DNS cannot have
        return error
    return None


def _words(error: Exception) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {CONNECTS_WITHIN:g}s"
        case socket.gaierror() | UnicodeError():
            return "its name is not known here"
        case ConnectionRefusedError():
            return "nobody listens there, or a policy answers for it"
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)


def waf(key: Secret, url: str, blocking: bool, clock: Clock) -> Act:
    """Asks for a page that is not there, with a script in its query. `blocking`: the WAF is expected to stop it."""
    made = mark.make(key, "waf", clock.time())
    try:
        status = request.status(url, made.text)
    except request.NoAnswerError as error:
        return Act("waf", False, f"No answer from {url} (drill.waf_url), which proves nothing: {error}.")
    if (unclear := request.unclear(status)) is not None:
        return Act("waf", False, f"{url} (drill.waf_url) answered {status}, which proves nothing: {unclear}.")
    if request.is_refused(status):
        return Act("waf", True, f"{url} refused a script in a query with {status}.", made.at, True)
    if blocking:
        said = (
            f"{url} let a script in a query through, with {status}: is the WAF's rule engine on (SecRuleEngine On), "
            "are its rules loaded, and is this page behind it?"
        )
        return Act("waf", False, said, made.at, False)
    said = (
        f"{url} let a script in a query through, with {status}, as it may (waf.blocking is false): the WAF tells of it."
    )
    return Act("waf", True, said, made.at, False)
