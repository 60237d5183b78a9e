"""How many connections a process may have, by the number of files that it may have open."""

import logging
import resource

_log = logging.getLogger("threatboard")

OTHER_FILES = 64
"""Files that the process has open beside connections."""

COMING = 256
"""Files kept free for connections that have just come, while others are ended for them."""


def places(wanted: int) -> int:
    """How many connections a listener may have: as many as wanted, if the process may have as many files open.

    Past the limit of files connections would be cut without a word, by the event loop itself.
    """
    needed = 2 * wanted + OTHER_FILES
    # The soft limit, commonly 1024, is for programs that cannot count further; we can.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed >= needed:
        return wanted
    fit = max(1, min(wanted, (allowed - OTHER_FILES - min(COMING, allowed // 4)) // 2))
    _log.warning(
        "this process may have %d files open, and takes %d connections at each port instead of intake.max_connections "
        "(%d); raise the limit (ulimit -Hn)",
        hard,
        fit,
        wanted,
    )
    return fit
