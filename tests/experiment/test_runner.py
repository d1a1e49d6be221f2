"""A run on doubles: what is done in which order, and what an error or Ctrl-C may not spoil."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from lab.experiment import actions, runner
from lab.faults import heal, strike
from lab.history.history import read
from services.core.errors import ApiRefused, ApiUnreachable, LabError
from tests.experiment.doubles import LAB, METHOD, FakeRecording, play


def test_a_run_is_recorded_from_before_the_fault_to_before_the_healing(
    world, tmp_path, monkeypatch
):
    damage = []
    monkeypatch.setattr(heal, "heal", lambda *_: damage.append(len(read(tmp_path).damage)))
    play(tmp_path)
    # At the first healing the history has no end yet; at the second it has.
    assert damage == [1, 0]
    history = read(tmp_path)
    assert history.records[0].kind == "begin"
    assert next(history.of("end")).fields["why"] == "complete"
    steps = [r.fields["name"] for r in history.of("step", phase="begin")]
    assert steps == ["steady state before", "pull it", "wait", "put it back", "rollback"]
    assert [r.fields["names"] for r in history.of("wanted", mode="pull")][-1] == ["run-1", "run-2"]
    # Push does not repair, and the history says so by having no such record of it.
    assert [dict(r.fields) for r in history.of("came")] == [{"step": "wait", "mode": "pull"}]


def test_everything_is_done_in_order_and_taken_away_again(world, tmp_path):
    play(tmp_path)
    starts = [f"{mode} start run-{n}" for mode in ("push", "pull") for n in (1, 2)]
    stops = [line.replace("start", "stop") for line in starts]
    # The modes do not wait for each other.
    assert world.log[0] == "heal"
    assert sorted(world.log[1:5]) == sorted(starts)
    assert world.log[5:8] == ["cut node1", "undo cut", "heal"]
    assert sorted(world.log[8:]) == sorted(stops)


@pytest.mark.parametrize(
    ("error", "why"), [(KeyboardInterrupt(), "interrupted"), (LabError("no way"), "error")]
)
def test_whatever_ends_a_run_the_lab_is_healed_and_the_record_says_so(world, tmp_path, error, why):
    world.strike_error = error
    with pytest.raises(type(error)):
        play(tmp_path)
    assert next(read(tmp_path).of("end")).fields["why"] == why
    stops = [f"{mode} stop run-{n}" for mode in ("push", "pull") for n in (1, 2)]
    assert world.log[-5] == "heal"
    assert sorted(world.log[-4:]) == sorted(stops)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_a_lab_that_was_reset_is_reset_again_and_not_healed(world, tmp_path, error):
    world.strike_error = error
    with pytest.raises(KeyboardInterrupt) if error else nullcontext():
        play(tmp_path, reset=lambda _: world.log.append("reset"))
    assert "heal" not in world.log
    assert world.log[-1] == "reset"
    assert world.log.count("reset") == 1
    assert not [line for line in world.log if " stop " in line]


def test_what_is_not_acknowledged_is_recorded_as_such(world, tmp_path, monkeypatch):
    def silence(lab, name, machines, options, **more):
        world.refuses = ApiUnreachable("http://x", "refused")
        return SimpleNamespace(undo=lambda: None)

    monkeypatch.setattr(strike, "strike", silence)
    late = {"type": "action", "name": "late", "declare": ["late"]}
    play(tmp_path, [METHOD[0], late])
    orders = read(tmp_path).of("wanted", mode="pull")
    (record,) = [order for order in orders if "late" in order.fields["command"]]
    assert record.fields["doubtful"] == ["late"]
    assert record.fields["names"] == ["run-1", "run-2"]


def test_an_api_that_refuses_ends_the_run(world, tmp_path):
    world.refuses = ApiRefused("http://x", 409, "taken", "")
    with pytest.raises(ApiRefused):
        play(tmp_path)


@pytest.mark.parametrize(
    ("modes", "hit"), [(("push", "pull"), ["kill-container node1"]), (("push",), [])]
)
def test_a_container_is_hit_where_it_runs_if_its_mode_is_played(world, tmp_path, modes, hit):
    step = {
        "type": "action",
        "name": "kill",
        "fault": "kill-container",
        "options": {"mode": "pull", "name": "run-1"},
    }
    play(tmp_path, [step], modes)
    assert [line for line in world.log if line.startswith("kill")] == hit


def test_a_step_by_a_person_is_recorded_as_that(world, tmp_path):
    step = {"type": "action", "name": "start it again", "by": "human", "declare": ["run-1"]}
    play(tmp_path, [step])
    (record,) = read(tmp_path).of("human")
    assert record.fields["what"] == "start it again"


def test_the_command_of_an_order_is_what_a_person_would_type():
    recording = SimpleNamespace(topology=LAB)
    assert actions.curl(recording, "pull", "web", wanted=True) == (
        "curl -X POST http://localhost:8081/api/containers "
        "-H 'Content-Type: application/json' -d '{\"name\": \"web\"}'"
    )
    assert "DELETE" in actions.curl(recording, "pull", "web", wanted=False)
    assert "/container/stop" in actions.curl(recording, "push", "web", wanted=False)


def test_what_a_killed_run_left_is_taken_away_first(world, tmp_path):
    world.start("pull", "run-2")
    world.start("pull", "of-a-user")
    play(tmp_path, [])
    assert world.log[2:4] == ["heal", "pull stop run-2"]
    assert world.listed["pull"] == ["of-a-user"]


def test_what_a_user_declared_and_runs_is_wanted(world, tmp_path):
    for mode in ("push", "pull"):
        world.start(mode, "of-a-user")
    world.start("push", "on-two-nodes")
    world.runs["push"]["on-two-nodes"] = ("node1", "node2")
    play(tmp_path, [])
    for mode in ("push", "pull"):
        orders = [order.fields for order in read(tmp_path).of("wanted", mode=mode)]
        assert orders[-1]["names"] == ["of-a-user", "run-1", "run-2"]
        assert orders[-1]["doubtful"] == (["on-two-nodes"] if mode == "push" else [])
    assert world.listed == {"push": ["of-a-user", "on-two-nodes"], "pull": ["of-a-user"]}


def test_what_a_user_declared_and_does_not_run_is_no_steady_state(world, tmp_path):
    world.listed["pull"].append("never-started")
    with pytest.raises(LabError, match="steady state did not come"):
        play(tmp_path, [])


def test_what_cannot_be_healed_is_taken_away_all_the_same(world, tmp_path, monkeypatch):
    healed = []

    def heal_once(*_):
        healed.append(True)
        if len(healed) > 1:
            raise LabError("a machine hangs")

    monkeypatch.setattr(heal, "heal", heal_once)
    with pytest.raises(LabError, match="a machine hangs"):
        play(tmp_path)
    assert world.listed == {"push": [], "pull": []}


def test_a_machine_that_is_silent_is_named(world, tmp_path, monkeypatch):
    def with_a_silent_one(lab, modes, writer):
        recording = FakeRecording(lab, modes, writer, world)
        recording.states.latest["node2"] = "running"
        recording.followers["node2"] = SimpleNamespace(until_s=-1.0)
        return recording

    monkeypatch.setattr(runner, "Recording", with_a_silent_one)
    with pytest.raises(LabError, match="nothing is heard of the recorder of node2"):
        play(tmp_path)


def test_a_container_that_runs_nowhere_cannot_be_hit(world, tmp_path):
    options = {"mode": "pull", "name": "other"}
    step = {"type": "action", "name": "kill", "fault": "kill-container", "options": options}
    with pytest.raises(LabError, match="other of pull runs nowhere"):
        play(tmp_path, [step])


def test_undoing_what_was_not_begun_is_nothing(world, tmp_path):
    step = {
        "type": "action",
        "name": "slow",
        "fault": "api-slow",
        "options": {"mode": "pull"},
    }
    undo = {"type": "action", "name": "end", "undo": "api-slow"}
    play(tmp_path, [step, undo], ["push"])
    assert not [line for line in world.log if "api-slow" in line]


class Noted:
    """A pace that writes down what it is asked, and waits twice."""

    def __init__(self):
        self.steps, self.waits = [], []

    def before(self, step, command):
        self.steps.append((step, command()))

    def again(self, step, waited):
        self.waits.append((step, waited.took_s["push"], waited.took_s["pull"] is not None))
        return len(self.waits) < 2


def test_a_run_goes_at_the_speaker_s_pace(world, tmp_path):
    pace = Noted()
    play(tmp_path, pace=pace)
    assert pace.steps == [
        ("pull it", "lab chaos cut node1"),
        ("wait", ""),
        ("put it back", "lab heal"),
    ]
    assert pace.waits == [("wait", None, True)] * 2
    steps = [r.fields["name"] for r in read(tmp_path).of("step", phase="begin")]
    assert steps.count("wait") == 2


def test_a_speaker_is_shown_a_command_that_lab_takes(world, tmp_path):
    pace = Noted()
    step = {"name": "halt it", "fault": "halt", "target": "busiest", "options": {"orderly": "yes"}}
    play(tmp_path, [step], pace=pace)
    assert pace.steps == [("halt it", "lab chaos halt node1 --orderly")]


def test_what_a_speaker_was_shown_is_what_is_hit(world, tmp_path):
    class Slow(Noted):
        def before(self, step, command):
            super().before(step, command)
            for mode in ("push", "pull"):
                world.runs[mode] = dict.fromkeys(world.runs[mode], ("node2",))

    play(tmp_path, METHOD[:1], pace=Slow())
    assert "cut node1" in world.log
