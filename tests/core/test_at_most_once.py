"""Where a container that must not run twice may still run."""

import pytest
from hypothesis import given

from services.core.at_most_once import blocked
from services.core.messages import NodeList
from services.core.model import Health, Node
from tests.core.strategies import LEASE_S, MARGIN_S, roll

RUNS = frozenset({("n1", "a")})
LONG_S = LEASE_S + MARGIN_S
OLD_S = 1000.0


def node(silent_s=0.0, *, settled=True):
    return Node("n1", silent_s, Health.UP, settled=settled)


@pytest.mark.parametrize(
    ("nodes", "running", "awaited", "uptime_s", "reason"),
    [
        pytest.param([], [], [], OLD_S, "", id="where nobody is nothing runs"),
        pytest.param([node()], [], [], OLD_S, "", id="a node that said what it runs, and not this"),
        pytest.param([node()], RUNS, [], OLD_S, "n1 still runs it", id="a node that runs it"),
        pytest.param(
            [node(LONG_S)], RUNS, [], OLD_S, "n1 still runs it",
            id="and is silent, but not for lease and margin",
        ),
        pytest.param([node(LONG_S + 0.1)], RUNS, [], OLD_S, "", id="a lost node runs it no more"),
        pytest.param(
            [node(settled=False)], [], [], OLD_S, "", id="a node that has other news to act on"
        ),
    ],
)  # fmt: skip
def test_hindrances(nodes, running, awaited, uptime_s, reason):
    seen = NodeList(tuple(nodes), uptime_s, LEASE_S, tuple(awaited), MARGIN_S, frozenset(running))
    found = blocked(["a"], seen)
    assert found.get("a", "").startswith(reason)
    assert bool(found) == bool(reason)


UNSURE = "n1 has not yet said that it stopped it"
UNHEARD = "n1 never heard that a must stop; lab forget n1 if it is dead"


@pytest.mark.parametrize(
    ("nodes", "awaited", "uptime_s", "unheard", "reason"),
    [
        pytest.param([node()], [], OLD_S, [], UNSURE, id="taken off a node that may not know"),
        pytest.param([node(LONG_S + 0.1)], [], OLD_S, [], "", id="unless that is lost"),
        pytest.param([], ["n1"], LONG_S, [], UNSURE, id="a node that spoke before the start"),
        pytest.param([], ["n1"], LONG_S + 0.1, [], "", id="is lost as well, in the end"),
        pytest.param([], [], OLD_S, [], "", id="one that was forgotten is dead"),
        pytest.param([node()], [], OLD_S, RUNS, UNSURE, id="it will hear of both at once"),
        pytest.param(
            [node(LONG_S * 99)], [], OLD_S, RUNS, UNHEARD, id="cut off before it heard that it must"
        ),
        pytest.param([], ["n1"], OLD_S, RUNS, UNHEARD, id="also if the server was restarted"),
    ],
)
def test_what_left_a_node_that_has_not_said_so(nodes, awaited, uptime_s, unheard, reason):
    seen = NodeList(
        tuple(nodes), uptime_s, LEASE_S, tuple(awaited), MARGIN_S,
        left=RUNS, unheard=frozenset(unheard),
    )  # fmt: skip
    assert blocked(["a", "b"], seen) == ({"a": reason} if reason else {})


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_each_node_holds_on_for_as_long_as_the_server_says_of_it(seconds):
    """Longer than lease and margin: under an earlier profile, or while it shuts down."""
    node1 = Node("n1", 20.0 + seconds, Health.DOWN, leaving=True, hold_s=20.0)
    seen = NodeList((node1,), OLD_S, LEASE_S, (), MARGIN_S, left=RUNS)
    assert bool(blocked(["a"], seen)) == (seconds == 0)
    awaited = NodeList((), 30.0 + seconds, LEASE_S, ("n1",), MARGIN_S, left=RUNS, hold_s=30.0)
    assert bool(blocked(["a"], awaited)) == (seconds == 0)


@given(roll())
def test_whatever_may_run_is_blocked(seen):
    names = {"a", "b", "nginx"}
    free = names - blocked(names, seen).keys()
    limit_s = seen.lease_s + seen.stop_margin_s
    alive = [node for node in seen.nodes if node.silent_s <= limit_s]
    names_alive = {node.name for node in alive}
    names_alive |= set(seen.awaited if seen.uptime_s <= limit_s else ())
    maybe = {(node, name) for node in names_alive for name in free}
    assert not maybe & (seen.running | seen.left)
    assert not free & {name for node, name in seen.unheard if node not in names_alive}
