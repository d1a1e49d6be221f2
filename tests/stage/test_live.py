"""Which history is live: that of lab run, one of our own, or that of another stage."""

import threading
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from lab import paths
from lab.errors import LabNotUp
from lab.history.history import Writer, read
from lab.host import settings
from lab.host.accel import Accel
from lab.planes import modes
from lab.snapshot import initial
from lab.snapshot.initial import Request
from lab.stage import live as module
from lab.stage.live import Live
from lab.stage.notes import PushOrders
from lab.stage.opening import opened
from provisioning import topology
from services.core.profiles import profile
from tests.waiting import wait_for

LAB = topology.load()


class World:
    """The lab: whether it is up, what was asked for, and who records it."""

    def __init__(self):
        self.up = True
        self.recording = 0
        self.states = {"api": "running"}
        self.asked = Request("both", "fast")

    def on(self, _):
        if not self.up:
            raise LabNotUp(LAB.lab)
        return ["push", "pull"]


class Recorder:
    def __init__(self, world, writer):
        self.world, self.writer = world, writer
        self.states = SimpleNamespace(latest=world.states)
        self.claims: dict[str, object] = {}

    @contextmanager
    def running(self):
        self.world.recording += 1
        try:
            yield
        finally:
            self.world.recording -= 1


@pytest.fixture
def world(tmp_path, monkeypatch):
    found = World()
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "STAGE", tmp_path / "stage")
    monkeypatch.setattr(paths, "STATE", tmp_path)
    monkeypatch.setattr(modes, "on", found.on)
    monkeypatch.setattr(modes, "profile", lambda _: profile("fast"))
    monkeypatch.setattr(initial, "remembered", lambda: found.asked)
    monkeypatch.setattr(settings, "load", lambda: SimpleNamespace(accel=Accel("kvm", 1.0, "test")))
    monkeypatch.setattr(module, "Recording", lambda lab, on, writer: Recorder(found, writer))
    monkeypatch.setattr(PushOrders, "run", lambda *_: None)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    return found


@contextmanager
def live(said=None):
    """A stage that is open for the length of the block."""
    found, over = Live(LAB, (said if said is not None else []).append), threading.Event()
    thread = threading.Thread(target=found.run, args=(over,))
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


@contextmanager
def running(name="node-failure"):
    """`lab run` records a run for the length of the block."""
    folder = paths.RUNS / name / "latest" / "1"
    folder.mkdir(parents=True)
    with Writer(folder) as writer:
        yield writer


def plays(stage, folder):
    return wait_for(
        lambda: stage.source is not None and folder in stage.source.folder.parents,
        f"what is below {folder} is played",
        timeout_s=10,
    )


def test_without_a_run_it_records_for_itself_and_ends_its_record(world):
    with live() as stage:
        plays(stage, paths.STAGE)
        assert world.recording == 1
        folder = stage.source.folder
    assert world.recording == 0
    history = read(folder)
    assert history.begin.fields["experiment"]["name"] == "stage"
    assert history.begin.fields["modes"] == ["push", "pull"]
    assert history.records[-1].fields["why"] == "complete"
    assert history.damage == ()


def test_while_lab_run_records_it_follows_that_and_records_nothing(world):
    with live() as stage:
        plays(stage, paths.STAGE)
        with running() as writer:
            plays(stage, paths.RUNS)
            wait_for(lambda: world.recording == 0, "our own has ended", timeout_s=10)
            writer.put("note", text="of the run")
            _, items = stage.source.due()
            assert [item.fields["text"] for item in items] == ["of the run"]
        plays(stage, paths.STAGE)
        wait_for(lambda: world.recording == 1, "ours goes on", timeout_s=10)


def test_a_run_that_was_killed_is_not_followed(world):
    folder = paths.RUNS / "old" / "latest" / "1"
    folder.mkdir(parents=True)
    (folder / "history.jsonl").write_text("")
    with live() as stage:
        plays(stage, paths.STAGE)


def test_of_two_stages_one_records_and_the_other_follows_it(world):
    with live() as one:
        plays(one, paths.STAGE)
        with live() as other:
            plays(other, paths.STAGE)
            assert other.source.folder == one.source.folder
            assert world.recording == 1


def test_the_second_stage_records_when_the_first_one_ends(world):
    with ExitStack() as first:
        one = first.enter_context(live())
        plays(one, paths.STAGE)
        with live() as other:
            plays(other, paths.STAGE)
            first.close()
            wait_for(
                lambda: other.source is not one.source and world.recording == 1,
                "it records",
                timeout_s=10,
            )


def test_a_lab_that_goes_down_is_waited_for(world):
    said: list = []
    with live(said) as stage:
        plays(stage, paths.STAGE)
        before = stage.source
        world.up = False
        world.states["api"] = "off"
        wait_for(lambda: world.recording == 0, "it records no more", timeout_s=10)
        wait_for(lambda: any("not up" in line for line in said), "it says why", timeout_s=10)
        assert stage.source is before
        world.up, world.states = True, {"api": "running"}
        wait_for(lambda: world.recording == 1, "it records again", timeout_s=10)
    assert sum("not up" in line for line in said) == 1


def test_another_up_begins_another_record(world):
    with live() as stage:
        plays(stage, paths.STAGE)
        before = stage.source
        # Two records of one second would have one name.
        world.asked = Request("push", "fast")
        wait_for(lambda: stage.source is not before, "another one is played", timeout_s=10)


def test_only_the_latest_records_are_kept(world):
    for number in range(9):
        (paths.STAGE / f"2020010{number}-000000").mkdir(parents=True)
    with live() as stage:
        plays(stage, paths.STAGE)
    names = sorted(path.name for path in paths.STAGE.iterdir() if path.is_dir())
    assert len(names) == module._KEPT
    assert names[0] == "20200105-000000"


def test_a_stage_without_a_lab_is_refused_before_anything(world):
    world.up = False
    with pytest.raises(LabNotUp):
        opened(None, print)
    with running():
        assert opened(None, print).live is not None


@pytest.mark.parametrize(
    ("states", "down"),
    [
        ({}, False),
        ({"api": "off", "node1": "absent"}, True),
        ({"api": "off", "node1": "paused"}, False),
    ],
)
def test_a_lab_of_which_nothing_is_known_yet_is_not_down(states, down):
    recording = SimpleNamespace(states=SimpleNamespace(latest=states))
    assert module._is_down(recording) is down
