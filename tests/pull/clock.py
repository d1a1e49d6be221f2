"""Time of the store's, for tests that cannot wait."""


class Clock:
    """A monotonic clock that the test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s
