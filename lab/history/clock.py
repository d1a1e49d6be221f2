"""Put a machine's clock beside this computer's, as NTP does: by questions and answers. Pure.

An answer that was stamped `guest_s` and came between two readings of our clock says that the
difference of the clocks lies between two bounds. Nothing is assumed about the way there and back.
"""

from typing import NamedTuple


class Bounds(NamedTuple):
    """What a machine's clock has to be moved by to be ours, at least and at most, in seconds."""

    low_s: float
    high_s: float

    @classmethod
    def measured(cls, asked_s: float, guest_s: float, answered_s: float) -> "Bounds":
        """Return them from one answer. asked_s, answered_s: our clock before and after."""
        return cls(asked_s - guest_s, answered_s - guest_s)

    def and_then(self, later: "Bounds") -> "Bounds":
        """Return the bounds of a time between two answers.

        Where both can be true the difference did not change, so it is within both. Otherwise
        the machine stood still in between, and it may have been either.
        """
        low_s, high_s = max(self.low_s, later.low_s), min(self.high_s, later.high_s)
        if low_s <= high_s:
            return Bounds(low_s, high_s)
        return Bounds(min(self.low_s, later.low_s), max(self.high_s, later.high_s))

    @property
    def offset_s(self) -> float:
        """The middle."""
        return (self.low_s + self.high_s) / 2

    @property
    def error_s(self) -> float:
        """How wrong `offset_s` is at most."""
        return (self.high_s - self.low_s) / 2
