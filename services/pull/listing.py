"""The list of everything, encoded: the public demonstration's clients get it after each change.

A container is encoded when it changes; 10,000 others are joined, not encoded again.
"""

import json

from services.core import wire
from services.core.model import Placed
from services.state.answers import Listing


class Encoded:
    """Encodes listings of one state. Safe from several threads: at worst both do the work."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Placed, bool, str]] = {}
        self._whole: tuple[int, bytes] = (-1, b"")

    def text(self, listing: Listing) -> bytes:
        """Return `listing` as wire.dump_placed has it, in JSON."""
        version, whole = self._whole
        if version != listing.version:
            whole = self._join(listing)
            self._whole = (listing.version, whole)
        return whole

    def _join(self, listing: Listing) -> bytes:
        known, running = self._parts, listing.running
        parts: dict[str, tuple[Placed, bool, str]] = {}
        for placed in listing.placed:
            name = placed.container.name
            runs = name in running
            part = known.get(name)
            if part is None or part[0] is not placed or part[1] != runs:
                part = (placed, runs, json.dumps(wire.dump_one(placed, running)))
            parts[name] = part
        self._parts = parts
        items = ", ".join([part[2] for part in parts.values()])
        return f'{{"containers": [{items}], "revision": {listing.revision}}}'.encode()
