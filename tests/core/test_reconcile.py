import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.model import Act, Container, Task, UnitState
from services.core.reconcile import MISSING, STALE, UNWANTED, reconcile
from tests.core.strategies import desired_maps, names, observed_maps
from tests.fakes import FakeSystemd

DEMO = UnitState("demo", ready=True)
NGINX = UnitState("nginx", ready=True)


def stop(name, reason, image="demo"):
    return Task(Act.STOP, Container(name, image), reason)


def start(name, reason, image="demo"):
    return Task(Act.START, Container(name, image), reason)


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
    assert list(reconcile(wanted, observed)) == tasks


@given(desired_maps, observed_maps)
def test_one_pass_reaches_exactly_the_desired_state(desired, observed):
    node = FakeSystemd(observed)
    node.perform(reconcile(desired, node.observed()))
    running = {name: state.image for name, state in node.observed().items()}
    assert running == {name: container.image for name, container in desired.items()}
    assert reconcile(desired, node.observed()) == ()


@given(desired_maps, observed_maps)
def test_nothing_that_is_right_is_touched(desired, observed):
    right = {name for name, want in desired.items() if name in observed
             and observed[name].image == want.image}  # fmt: skip
    assert not right & {task.container.name for task in reconcile(desired, observed)}


@given(desired_maps, st.lists(st.tuples(st.sampled_from(["start", "crash", "reboot"]), names)))
def test_whatever_hands_do_to_a_node_one_pass_repairs(desired, deeds):
    node = FakeSystemd()
    node.perform(reconcile(desired, {}))
    for deed, name in deeds:
        if deed == "start":
            node.start(name)
        elif deed == "crash" and name in node.observed():
            node.crash(name)
        elif deed == "reboot":
            node.reboot()
    node.perform(reconcile(desired, node.observed()))
    assert reconcile(desired, node.observed()) == ()
    assert node.observed().keys() == desired.keys()
