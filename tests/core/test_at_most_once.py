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
            [node(settled=False)], [], [], OLD_S, "n1 has not yet said",
            id="a node that may start it, for all it was told last",
        ),
        pytest.param(
            [node(LONG_S + 0.1, settled=False)], [], [], OLD_S, "", id="unless that is lost"
        ),
        pytest.param([], [], ["n1"], LONG_S, "n1 has not yet said", id="who spoke before"),
        pytest.param([], [], ["n1"], LONG_S + 0.1, "", id="is lost as well, in the end"),
    ],
)  # fmt: skip
def test_hindrances(nodes, running, awaited, uptime_s, reason):
    seen = NodeList(tuple(nodes), uptime_s, LEASE_S, tuple(awaited), MARGIN_S, frozenset(running))
    found = blocked(["a"], seen)
    assert found.get("a", "").startswith(reason)
    assert bool(found) == bool(reason)


@given(roll())
def test_whatever_may_run_is_blocked(seen):
    names = {"a", "b", "nginx"}
    free = names - blocked(names, seen).keys()
    limit_s = seen.lease_s + seen.stop_margin_s
    alive = [node for node in seen.nodes if node.silent_s <= limit_s]
    if free:
        assert all(node.settled for node in alive)
        assert not seen.awaited or seen.uptime_s > limit_s
    assert not {(node.name, name) for node in alive for name in free} & seen.running
