"""What a node remembers that is damaged, older than what it was told, or cannot be written (P2)."""

import pytest

from services.core.lease import Moment
from services.core.model import STOP, Assignment, Container, UnitState
from services.core.reconcile import reconcile
from tests.agent.fake_lab import AWAY, NotedPlane

SAFE = Container("s", on_disconnect=STOP)
OLD = Assignment("e", 5, (Container("k"), SAFE), lease_s=3.0)
NEW = Assignment("e", 6, (Container("n"),), lease_s=3.0)
READY = UnitState("demo", ready=True)
COPIES = ("desired.json", "assigned.json")


class Runs:
    """Runs of an agent of which `folder` is the disk and, until a reboot, the memory."""

    def __init__(self, folder):
        self.folder = folder
        self.boot, self.now_s = "boot1", 100.0

    def local(self):
        """What a run knows in its beginning."""
        return self._plane().local

    def told(self, *assignments):
        """A run that was told these, one after the other."""
        plane = self._plane()
        for assignment in assignments:
            plane.local.follow(assignment, Moment(self.now_s))
        return plane

    def reboot(self):
        self.boot = "boot2"
        for name in ("assigned.json", "assigned.json.previous", "lease"):
            (self.folder / name).unlink(missing_ok=True)

    def _plane(self):
        return NotedPlane(None, self.folder, self.boot, now_s=lambda: self.now_s)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def damage(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def names(tasks):
    return [(task.act.value, task.container.name) for task in tasks]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("how", [damage, lambda path: path.unlink()], ids=["flipped", "gone"])
def test_one_copy_that_is_damaged_changes_nothing(runs, copy, how):
    runs.told(OLD, NEW)
    how(runs.folder / copy)
    for _ in range(2):  # the second run finds what the first one left
        local = runs.local()
        assert (local.assignment, local.revision) == (NEW, 6)
        assert names(reconcile(local.desired(), {})) == [("start", "n")]


def test_of_an_older_generation_nothing_is_started_and_what_runs_goes_on(runs):
    runs.told(OLD, NEW)
    for copy in COPIES:
        damage(runs.folder / copy)
    for _ in range(2):
        local = runs.local()
        assert reconcile(local.desired(), {"n": READY, "fake": READY}) == ()
        assert reconcile(local.desired(), {}) == ()
    # What is promised about what it has stopped holds all the same.
    runs.now_s += 3.0
    assert names(reconcile(runs.local().desired(), {"s": READY, "n": READY})) == [("stop", "s")]


def test_an_older_generation_acknowledges_nothing(runs):
    runs.told(OLD, NEW)
    for copy in COPIES:
        damage(runs.folder / copy)
    assert runs.local().revision == 0


def test_the_next_answer_mends_an_older_generation(runs):
    runs.told(OLD, NEW)
    for copy in COPIES:
        damage(runs.folder / copy)
    newest = NEW._replace(revision=7)
    runs.told(newest)
    assert runs.local().assignment == newest
    assert names(reconcile(runs.local().desired(), {})) == [("start", "n")]


def test_after_a_reboot_an_older_generation_starts_nothing(runs):
    runs.told(OLD, NEW)
    runs.reboot()
    damage(runs.folder / "desired.json")
    for _ in range(2):
        assert reconcile(runs.local().desired(), {}) == ()


def test_after_a_reboot_the_newest_one_starts_what_may_run_alone(runs):
    runs.told(NEW, OLD._replace(revision=7))
    runs.reboot()
    assert names(reconcile(runs.local().desired(), {})) == [("start", "k")]


def test_a_disk_that_takes_nothing_matters_only_after_a_reboot(runs):
    runs.told(OLD)
    (runs.folder / "desired.json.new").mkdir()
    plane = runs.told(NEW, NEW)
    assert len(plane.told) == 1
    assert plane.told[0].startswith("cannot remember what to run: ")
    assert (plane.local.revision, runs.local().assignment) == (6, NEW)
    runs.reboot()
    # The one that is there is older than what it was told.
    assert runs.local().assignment is None


def test_what_the_next_run_will_not_know_is_not_acknowledged(runs):
    runs.told(OLD)
    for copy in COPIES:
        (runs.folder / f"{copy}.new").mkdir()
    local = runs.told(NEW).local
    assert (local.assignment, local.revision) == (NEW, 0)
    assert names(reconcile(local.desired(), {})) == [("start", "n")]
    assert reconcile(runs.local().desired(), {}) == ()


def test_a_lease_names_what_it_was_granted_for(runs):
    """The newest copy on a disk that somebody put back is not what the lease is about."""
    runs.told(OLD)
    kept = [(runs.folder / copy).read_bytes() for copy in COPIES]
    runs.told(NEW)
    for copy, content in zip(COPIES, kept, strict=True):
        (runs.folder / copy).write_bytes(content)
    assert reconcile(runs.local().desired(), {}) == ()


def test_a_memory_that_is_beyond_repair_is_none(runs):
    runs.told(OLD)
    for copy in COPIES:
        (runs.folder / copy).write_bytes(b"")
    plane = runs.told()
    plane.local.doubt(AWAY)
    assert plane.local.desired().containers is None
    assert plane.told[0].startswith("no local state: ")
