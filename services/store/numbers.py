"""Revisions: one sequence for everything that changes, of which no number is given out twice.

What is only in memory takes numbers, too. They come from a block that is reserved on disk before
its first is used; a restart goes on behind it, so numbers are skipped, and none comes again.
"""

import secrets
from typing import Any

from services.store.table import Rows

BLOCK = 1000
# Blocks, or milliseconds, by which what is reserved may be ahead of the time that it came from.
_AHEAD = 2
META = "meta"
_ROW = "meta"


class Numbers:
    """The sequence. Each method under the database's lock; what writes, within a change.

    last: given out. start: the last that an earlier process can have given out.
    """

    def __init__(self, meta: Rows) -> None:
        self._meta = meta
        self.last = self.start = 0

    def open(self, lost_bytes: int, wall_s: float) -> None:
        """Find where to go on, and reserve the first block. Within a change.

        lost_bytes: of changes that were dropped at opening. The time of day is then higher than
        any number that they had, also if what was done here after an earlier loss is among them:
        nobody reserves a block in a millisecond. Where it is not, somebody has set the clock back;
        each change took more than a byte, and reserved at most one block.
        """
        row = self._row()
        if row is None:
            # Agents tell by the epoch that this store knows nothing of what another told them.
            row = {"epoch": secrets.token_hex(8), "declared": 0, "reserved": 0}
        elif "reserved" not in row:
            # As earlier versions left it: there were no blocks, and all was declared.
            row = {**row, "declared": row["revision"], "reserved": row["revision"] + 1}
        start, declared = row["reserved"], row["declared"]
        if lost_bytes:
            by_time = (int(wall_s * 1000) + _AHEAD) * BLOCK
            start = by_time if by_time > start else start + (lost_bytes + 1) * BLOCK
            # Somebody may act on a later one than is known here.
            declared = start if declared else 0
        self.last = self.start = start
        self._put(row["epoch"], declared, start + BLOCK)

    @property
    def epoch(self) -> str:
        """Which store this is."""
        return str(self._known()["epoch"])

    @property
    def declared(self) -> int:
        """The last revision in which what is wanted or placed changed; 0 before the first."""
        return int(self._known()["declared"])

    def durable(self, *, declares: bool) -> int:
        """Take the number of the change within which this is called.

        declares: whether it changes what is wanted or placed.
        """
        row = self._known()
        self.last += 1
        reserved = row["reserved"]
        if self.last + BLOCK // 2 > reserved:
            reserved = self.last + BLOCK
        self._put(row["epoch"], self.last if declares else row["declared"], reserved)
        return self.last

    def is_low(self) -> bool:
        """Whether `reserve` is due, lest `volatile` runs out."""
        return self.last + BLOCK // 2 > int(self._known()["reserved"])

    def reserve(self) -> None:
        """Reserve another block. Within a change."""
        row = self._known()
        self._put(row["epoch"], row["declared"], max(row["reserved"], self.last + BLOCK))

    def volatile(self) -> int | None:
        """Take a number for what is only in memory; None if none is left that is reserved."""
        if self.last >= int(self._known()["reserved"]):
            return None
        self.last += 1
        return self.last

    def _put(self, epoch: str, declared: int, reserved: int) -> None:
        self._meta.put(_ROW, {"epoch": epoch, "declared": declared, "reserved": reserved})

    def _row(self) -> Any:
        return self._meta.row(_ROW)

    def _known(self) -> Any:
        row = self._row()
        assert row is not None  # noqa: S101 - for mypy: `open` was called
        return row
