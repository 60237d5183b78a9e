"""A clock that stands still until a test moves it."""


class FakeClock:
    """Both clocks of `exporter.clock.Clock`; `wall` can be moved on its own, as an administrator or NTP does."""

    def __init__(self, wall: float = 1_900_000_000.0) -> None:
        self.wall = wall
        self.steady = 1000.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds
