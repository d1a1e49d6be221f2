import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.model import Act, Container, Desired, Task, UnitState
from services.core.reconcile import MISSING, REPLACED, STALE, UNWANTED, reconcile
from tests.core.strategies import desired_maps, names, observed_maps
from tests.fakes import FakeSystemd

DEMO = UnitState("demo", ready=True)
NGINX = UnitState("nginx", ready=True)
STARTS = UnitState("demo", ready=False, job=Act.START)
STOPS = UnitState("demo", ready=True, job=Act.STOP)


def stop(name, reason, image="demo"):
    return Task(Act.STOP, Container(name, image), reason)


def start(name, reason, image="demo"):
    return Task(Act.START, Container(name, image), reason)


@pytest.mark.parametrize(
    ("declared", "started_for", "again"),
    [(9, 5, True), (9, 9, False), (9, 0, False), (0, 5, False)],
    ids=["another one", "the same", "started by hand", "a server that does not say"],
)
def test_a_container_that_was_deleted_and_declared_again_is_started_again(
    declared, started_for, again
):
    wanted = Container("a", created=declared)
    runs = UnitState("demo", ready=True, created=started_for)
    tasks = reconcile(Desired({"a": wanted}), {"a": runs})
    assert list(tasks) == again * [stop("a", REPLACED), Task(Act.START, wanted, REPLACED)]


@pytest.mark.parametrize(
    ("desired", "observed", "tasks"),
    [
        pytest.param({}, {}, [], id="nothing wanted and nothing there is converged"),
        pytest.param({"a": "demo"}, {"a": DEMO}, [], id="what runs as wanted is left alone"),
        pytest.param(
            {"a": "demo"},
            {"a": UnitState("demo", ready=False)},
            [],
            id="a container that is still starting is not started again",
        ),
        pytest.param({"a": "demo"}, {}, [start("a", MISSING)], id="what is missing is started"),
        pytest.param({"a": "demo"}, {"a": STARTS}, [], id="a start that is queued is not repeated"),
        pytest.param({}, {"a": STOPS}, [], id="a stop that is queued is not repeated"),
        pytest.param(
            {}, {"a": STARTS}, [stop("a", UNWANTED)], id="a start that is queued is taken back"
        ),
        pytest.param(
            {"a": "nginx"},
            {"a": STOPS},
            [stop("a", STALE), start("a", STALE, "nginx")],
            id="a restart is done as a whole, also of what is about to stop",
        ),
        pytest.param(
            {}, {"fake": DEMO}, [stop("fake", UNWANTED)], id="what nobody assigned is stopped"
        ),
        pytest.param(
            {"a": "nginx"},
            {"a": DEMO},
            [stop("a", STALE), start("a", STALE, "nginx")],
            id="another image means stop and start",
        ),
        pytest.param(
            {"b": "demo", "a": "nginx"},
            {"z": NGINX, "a": DEMO},
            [
                stop("a", STALE),
                stop("z", UNWANTED, "nginx"),
                start("a", STALE, "nginx"),
                start("b", MISSING),
            ],
            id="all stops come first, each in the order of names",
        ),
    ],
)
def test_plan(desired, observed, tasks):
    wanted = {name: Container(name, image) for name, image in desired.items()}
    assert list(reconcile(Desired(wanted), observed)) == tasks


@given(desired_maps, observed_maps)
def test_one_pass_reaches_exactly_the_desired_state(desired, observed):
    node = FakeSystemd(observed)
    node.perform(reconcile(Desired(desired), node.observed()))
    running = {name: state.image for name, state in node.observed().items()}
    assert running == {name: container.image for name, container in desired.items()}
    assert reconcile(Desired(desired), node.observed()) == ()


@given(desired_maps, observed_maps)
def test_nothing_that_is_right_is_touched(desired, observed):
    right = {name for name, want in desired.items() if name in observed
             and observed[name].image == want.image}  # fmt: skip
    assert not right & {task.container.name for task in reconcile(Desired(desired), observed)}


@given(desired_maps, st.lists(st.tuples(st.sampled_from(["start", "crash", "reboot"]), names)))
def test_whatever_hands_do_to_a_node_one_pass_repairs(desired, deeds):
    node = FakeSystemd()
    node.perform(reconcile(Desired(desired), {}))
    for deed, name in deeds:
        if deed == "start":
            node.start(name)
        elif deed == "crash" and name in node.observed():
            node.crash(name)
        elif deed == "reboot":
            node.reboot()
    node.perform(reconcile(Desired(desired), node.observed()))
    assert reconcile(Desired(desired), node.observed()) == ()
    assert node.observed().keys() == desired.keys()
