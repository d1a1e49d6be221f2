"""What one node remembers: what it must run, for good, and its lease, until the next boot."""

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from services.core import wire
from services.core.errors import LabError
from services.core.fields import decode
from services.core.lease import Lease, Moment
from services.core.model import Assignment
from services.lib.durable import DurableFile, sync_folder


class Recalled(NamedTuple):
    """What a node knows when a run begins.

    assignment: None if there is none that can be used. lease: None without one of this boot.
    newest: whether `assignment` is the last one that was followed.
    """

    assignment: Assignment | None
    lease: Lease | None
    newest: bool


class Copy(NamedTuple):
    """An assignment that was read. whole: it is the last one that was written there."""

    assignment: Assignment
    whole: bool


def best(found: Sequence[Copy], lease: Lease | None) -> Recalled:
    """Return what is known by `found` and the last lease, which names the newest assignment."""
    if not found:
        return Recalled(None, lease, newest=False)

    def rank(copy: Copy) -> tuple[bool, bool, int]:
        (epoch, revision, *_), whole = copy
        if lease is None:
            return whole, True, revision
        same = epoch == lease.epoch
        return same and revision >= lease.revision, same, revision

    first = max(found, key=rank)
    return Recalled(first.assignment, lease, rank(first)[0])


class Memory:
    """The assignment in `directory`, and in `run` with the lease; none is ever half written.

    What is in `run` ends with the boot. There are two copies of the assignment, so that one that
    cannot be written, or is damaged, changes nothing until then. The lease names the assignment
    that it was granted with, so an older one is known for what it is.

    boot: id of this boot; a lease of another boot does not count, since its clock is not ours.
    complain: takes one line for the agent's output. Nothing here raises.
    """

    def __init__(
        self, directory: str, run: str, boot: str, complain: Callable[[str], None]
    ) -> None:
        self._file = DurableFile(f"{directory}/desired.json")
        self._copy = DurableFile(f"{run}/assigned.json")
        self._lease_path = f"{run}/lease"
        self._boot = boot or "unknown"
        self._complain = complain
        self._told: set[str] = set()

    def recall(self) -> Recalled:
        """Return what is remembered."""
        found = [one for one in map(self._load, (self._copy, self._file)) if one is not None]
        return best(found, self._lease())

    def keep(self, answer: Assignment, known: Assignment | None) -> bool:
        """Write `answer` to disk; return whether the next run will know it.

        known: what is there already.
        """
        kept = [self._save(file, answer, answer == known) for file in (self._file, self._copy)]
        if not kept[0]:
            # After a reboot an older one would pass for the newest.
            for path in (self._file.path, self._file.previous):
                with suppress(OSError):
                    os.unlink(path)
                    sync_folder(os.path.dirname(path))
        return any(kept)

    def since(self) -> str:
        """Return when the assignment on disk was last true, as a time of day."""
        for path in (self._file.path, self._copy.path, self._file.previous):
            try:
                return time.strftime("%H:%M:%S", time.localtime(os.stat(path).st_mtime))
            except OSError:
                continue
        return "an unknown time"

    def keep_lease(self, lease: Lease) -> None:
        """Write `lease` for the next run. Not synced: after a power cut there is none."""
        half = f"{self._lease_path}.new"
        text = json.dumps([self._boot, *lease])
        try:
            file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
            os.replace(half, self._lease_path)
        except OSError as error:
            self._tell(f"cannot remember the lease for the next run: {error}")

    def _lease(self) -> Lease | None:
        """Return the last lease of this boot; None if there is none."""
        try:
            with open(self._lease_path, "rb") as file:
                boot, (boot_s, world_s), lease_s, epoch, revision = decode(file.read())
            lease = Lease(
                Moment(float(boot_s), int(world_s)), float(lease_s), str(epoch), int(revision)
            )
        except (OSError, ValueError, TypeError):
            return None
        return lease if boot == self._boot else None

    def _load(self, file: DurableFile) -> Copy | None:
        try:
            loaded = file.load()
            if loaded.document is None:
                return None
            if loaded.problem:
                self._complain(f"local state: {loaded.problem}")
            return Copy(wire.load_assignment(loaded.document), not loaded.problem)
        except LabError as error:
            # Also an image that the catalogue has lost: the server will send another one.
            self._complain(f"no local state: {error}")
            return None

    def _save(self, file: DurableFile, answer: Assignment, known: bool) -> bool:
        try:
            if known and os.path.exists(file.path):
                os.utime(file.path)  # `since` is about the last time that it was true
            else:
                file.save(wire.dump_assignment(answer))
        except (LabError, OSError) as error:
            self._tell(f"cannot remember what to run: {error}")
            return False
        return True

    def _tell(self, line: str) -> None:
        """Complain, once in a run: what cannot be written is tried again every second."""
        if line not in self._told:
            self._told.add(line)
            self._complain(line)
