"""What a database finds at opening: the newest checkpoint that is whole, and every change since.

Journals form one log. A number that comes again, in a later journal, replaces what the earlier
one says from there on: that was never acknowledged, or its writer would not have used it again.
The journals of older generations hold nothing that the checkpoint has not.
"""

from pathlib import Path
from typing import NamedTuple

from services.lib.durable import DamagedFile, DurableFile
from services.store import checkpoint
from services.store.files import RealFiles
from services.store.generations import Folder
from services.store.journal import Change, Damage, Tables, apply, parse

LEGACY = "pull.json"
# A journal that is gone may have held any number of changes; no journal gets as long as this.
UNKNOWN_BYTES = 2**30


class Recovered(NamedTuple):
    """The last good state.

    number: of its last change. problem: "" or what was dropped or repaired. lost_bytes: dropped.
    newest: highest generation that files have. spare: the one whose checkpoint it was read from.
    """

    tables: Tables
    number: int
    problem: str
    lost_bytes: int
    newest: int
    spare: int


class _Log:
    """Journals read one after another, from change `number` on."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.changes: list[Change] = []
        # By generation: bytes that belong to no change, and perhaps did.
        self.doubtful: dict[int, int] = {}

    def add(self, item: Change | Damage, generation: int) -> None:
        if isinstance(item, Change):
            while self.changes and self.changes[-1].number >= item.number:
                self.changes.pop()
            if item.number == self.last + 1:
                self.changes.append(item)
                # What came before was of no use: torn, or replaced by this.
                self.doubtful.clear()
                return
        self.doubtful[generation] = self.doubtful.get(generation, 0) + item.size

    @property
    def last(self) -> int:
        return self.changes[-1].number if self.changes else self.number


def recover(files: RealFiles, directory: Path) -> Recovered:
    """Read the database in `directory`; nothing in it is changed but for names of damaged files.

    Raises DamagedFile if there was one and nothing of it can be used, and OSError.
    """
    folder = Folder(files, directory)
    journals = {n: files.read(folder.journal(n)) for n in folder.listed("journal")}
    checkpoints = folder.listed("checkpoint")
    if not checkpoints and not any(journals.values()):
        return _legacy(files, directory, folder.highest())
    # The checkpoint comes before the first line of its journal. (Older ones are swept.)
    written = [n for n, content in journals.items() if content]
    notes = []
    if written[-1:] > checkpoints[-1:]:
        notes.append(f"checkpoint {written[-1]} is missing")
    base, state = _newest_good(folder, notes)
    missing = [n for n in checkpoints if n >= base and n not in journals]
    notes += [f"journal {n} is missing" for n in missing]
    log = _Log(state.number)
    for generation in (n for n in journals if n >= base):
        for item in parse(journals[generation]):
            log.add(item, generation)
    for generation, size in log.doubtful.items():
        kept = folder.set_aside(folder.journal(generation))
        notes.append(f"journal {generation}: {size} bytes torn or damaged and dropped ({kept})")
    for change in log.changes:
        apply(change.changes, state.tables)
    lost_bytes = sum(log.doubtful.values()) + UNKNOWN_BYTES * len(missing)
    if state.lost_bytes and not log.changes:
        # Whoever opened it then had no time to act on it.
        lost_bytes += state.lost_bytes
        notes.append(f"{state.lost_bytes} bytes were dropped at an earlier opening")
    problem = "; ".join(notes)
    return Recovered(state.tables, log.last, problem, lost_bytes, folder.highest(), base)


def _newest_good(folder: Folder, notes: list[str]) -> tuple[int, checkpoint.Checkpoint]:
    """The newest checkpoint that is whole, and its generation; adds to `notes`."""
    for generation in reversed(folder.listed("checkpoint")):
        path = folder.checkpoint(generation)
        try:
            return generation, checkpoint.load(folder.files, path)
        except ValueError as error:
            kept = folder.set_aside(path)
            notes.append(f"checkpoint {generation}: {error} ({kept}), using the one before")
    raise DamagedFile(f"{folder.path}/", "; ".join(notes))


def _legacy(files: RealFiles, directory: Path, newest: int) -> Recovered:
    """What an earlier version left, whose rows had numbers for ids; else an empty database."""
    names = files.names(directory)
    if LEGACY not in names and f"{LEGACY}.previous" not in names:
        return Recovered({}, 0, "", 0, newest, newest + 1)
    old = DurableFile(str(directory / LEGACY)).load()
    tables: Tables = {
        name: {row.get("name", name): row for row in rows.values()}
        for name, rows in (old.document or {}).items()
    }
    # Each generation of it was one change.
    return Recovered(tables, 0, old.problem, 1 if old.problem else 0, newest, newest + 1)


def forget_legacy(files: RealFiles, directory: Path) -> None:
    """Rename an earlier version's files once their content is in ours. Raises OSError."""
    for name in (LEGACY, f"{LEGACY}.previous"):
        if name in files.names(directory):
            files.replace(directory / name, directory / f"{name}.migrated")
