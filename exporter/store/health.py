"""How the parts of the state are doing."""

import logging

_log = logging.getLogger("threatboard")


class Health:
    """What of the state is not kept, told once when it begins and once when it ends."""

    def __init__(self) -> None:
        self._troubled: set[str] = set()

    @property
    def good(self) -> bool:
        """False while something that should be kept is not."""
        return not self._troubled

    def trouble(self, part: str, message: str) -> None:
        """Notes, and says once, that a part of the state is not kept."""
        if part not in self._troubled:
            self._troubled.add(part)
            _log.error("state: %s; counting goes on in memory", message)

    def fine(self, part: str) -> None:
        """Notes that a part of the state is kept again."""
        if part in self._troubled:
            self._troubled.remove(part)
            _log.info("state: %s is kept again", part)
