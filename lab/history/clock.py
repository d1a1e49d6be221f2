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

    def until(self, later: "Bounds") -> "Bounds":
        """Return the bounds of a time between two answers.

        The difference only grows, when the machine stands still: so it was no less than before,
        and no more than afterwards. If the answers say that it got less, a clock went at another
        pace; then it was not outside of both.
        """
        if later.high_s < self.low_s:
            return Bounds(later.low_s, self.high_s)
        return Bounds(self.low_s, later.high_s)

    @property
    def offset_s(self) -> float:
        """The middle."""
        return (self.low_s + self.high_s) / 2

    @property
    def error_s(self) -> float:
        """How wrong `offset_s` is at most."""
        return (self.high_s - self.low_s) / 2
