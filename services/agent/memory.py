"""What one node remembers: what it must run, for good, and its lease, until the next boot."""

import os
import time
from collections.abc import Callable

from services.core import wire
from services.core.errors import LabError
from services.core.lease import Lease
from services.core.model import Assignment
from services.lib.durable import DurableFile


class Memory:
    """The assignment in `directory`, the lease in `run`; neither is ever half written.

    boot: id of this boot; a lease of another boot does not count, since its clock is not ours.
    complain: takes one line for the agent's output. Nothing here raises.
    """

    def __init__(
        self, directory: str, run: str, boot: str, complain: Callable[[str], None]
    ) -> None:
        self._file = DurableFile(f"{directory}/desired.json")
        self._lease_path = f"{run}/lease"
        self._boot = boot or "unknown"
        self._complain = complain
        self._lease_lost = False

    def recall(self) -> Assignment | None:
        """Return the assignment on disk, None if there is none that can be used."""
        try:
            loaded = self._file.load()
            if loaded.problem:
                self._complain(f"local state: {loaded.problem}")
            return None if loaded.document is None else wire.load_assignment(loaded.document)
        except LabError as error:
            # Also an image that the catalogue has lost: the server will send another one.
            self._complain(f"no local state: {error}")
            return None

    def keep(self, answer: Assignment, known: Assignment | None) -> None:
        """Write `answer` to disk. known: what is there already."""
        try:
            if answer != known:
                self._file.save(wire.dump_assignment(answer))
            else:
                os.utime(self._file.path)  # `since` is about the last time that it was true
        except (LabError, OSError) as error:
            self._complain(f"cannot remember what to run: {error}")

    def since(self) -> str:
        """Return when the assignment on disk was last true, as a time of day."""
        for path in (self._file.path, self._file.previous):
            try:
                return time.strftime("%H:%M:%S", time.localtime(os.stat(path).st_mtime))
            except OSError:
                continue
        return "an unknown time"

    def lease(self) -> Lease | None:
        """Return the last lease of this boot; None if there is none."""
        try:
            with open(self._lease_path, encoding="ascii") as file:
                boot, sent_at_s, lease_s = file.read().split()
            return Lease(float(sent_at_s), float(lease_s)) if boot == self._boot else None
        except (OSError, ValueError):
            return None

    def keep_lease(self, lease: Lease) -> None:
        """Write `lease` for the next run. Not synced: after a power cut there is none."""
        half = f"{self._lease_path}.new"
        text = f"{self._boot} {lease.sent_at_s!r} {lease.lease_s!r}\n"
        try:
            file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
            os.replace(half, self._lease_path)
        except OSError as error:
            if not self._lease_lost:
                self._complain(f"cannot remember the lease for the next run: {error}")
            self._lease_lost = True
