"""A node's two witnesses: its agent and its machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.liveness import NEVER_S, evict, health
from services.core.messages import NodeList
from services.core.model import STOP, Container, Health, Node, Placed
from services.core.witness import NO_ECHOES, Echoes, due_s, judged, listened
from tests.core.strategies import MARGIN_S, placed_lists, roll, silences

OWN_S, STRETCHED_S = 3.0, 9.0
AWAY = "10.77.0.11"


def node(agent_s, address=AWAY):
    return Node("n1", agent_s, health(agent_s, STRETCHED_S), address=address)


def list_of(*nodes):
    others = [Node(name, 0.0, Health.UP) for name in ("n8", "n9")]
    return NodeList((*nodes, *others), 1000.0, STRETCHED_S, (), MARGIN_S)


@pytest.mark.parametrize(
    ("agent_s", "machine_s", "expected"),
    [
        pytest.param(0.5, 0.2, Health.UP, id="both speak"),
        pytest.param(3.2, 3.1, Health.DOWN, id="both are silent for the profile's own lease"),
        pytest.param(3.2, 3.0, Health.SUSPECT, id="at the lease not down yet"),
        pytest.param(3.0, 3.2, Health.SUSPECT, id="nor when the agent spoke last"),
        pytest.param(2.0, 2.2, Health.SUSPECT, id="suspect beyond 0.6 of that lease"),
        pytest.param(1.7, 1.7, Health.UP, id="and up before"),
        pytest.param(5.0, 0.2, Health.UP, id="a slow agent on a machine that lives"),
        pytest.param(5.5, 0.2, Health.SUSPECT, id="it is suspect under the stretched lease"),
        pytest.param(9.1, 0.2, Health.DOWN, id="and down after that, as without echoes"),
        pytest.param(0.5, 60.0, Health.UP, id="echoes that are filtered change nothing"),
        pytest.param(5.0, 60.0, Health.UP, id="not even when the agent is slow, too"),
        pytest.param(5.0, 5.9, Health.DOWN, id="an echo is lost a moment before the heartbeat"),
        pytest.param(5.0, 6.1, Health.UP, id="longer before is no sign of one death"),
        pytest.param(5.0, None, Health.UP, id="a machine that never answered is no witness"),
        pytest.param(9.1, None, Health.DOWN, id="and its agent counts alone"),
    ],
)
def test_what_two_witnesses_say(agent_s, machine_s, expected):
    silent_s = {} if machine_s is None else {AWAY: machine_s}
    seen = judged(list_of(node(agent_s)), Echoes(silent_s, OWN_S))
    assert seen.nodes[0].health is expected


def test_an_unknown_address_has_no_witness():
    echoes = Echoes({"": 4.0, AWAY: 4.0}, OWN_S)
    assert judged(list_of(node(4.0, "10.77.0.12")), echoes) == list_of(node(4.0, "10.77.0.12"))


@given(roll(), st.dictionaries(st.sampled_from(["", "a", "b"]), silences))
def test_only_a_node_of_which_both_are_silent_looks_worse(seen, silent_s):
    nodes = [one._replace(address="ab"[place % 2]) for place, one in enumerate(seen.nodes)]
    seen = seen._replace(nodes=tuple(nodes))
    order = (Health.UP, Health.SUSPECT, Health.DOWN)
    for one, after in zip(seen.nodes, judged(seen, Echoes(silent_s, OWN_S)).nodes, strict=True):
        assert after._replace(health=one.health) == one
        assert order.index(after.health) >= order.index(one.health)
        if after.health is not one.health:
            limit_s = OWN_S if after.health is Health.DOWN else 0.6 * OWN_S
            assert min(one.silent_s, silent_s[one.address]) > limit_s
    assert judged(seen, NO_ECHOES) == seen


@given(placed_lists, roll(), silences)
def test_machines_that_answer_move_nothing_that_would_have_stayed(containers, seen, silent_s):
    """Also not when all of them are filtered, long before."""
    echoes = Echoes({"a": silent_s % 1.0, "b": 1000.0}, OWN_S)
    nodes = [one._replace(address="ab"[place % 2]) for place, one in enumerate(seen.nodes)]
    seen = seen._replace(nodes=tuple(nodes))
    moved = [item.name for item in evict(containers, seen, echoes=echoes).placements]
    assert moved == [item.name for item in evict(containers, seen).placements]


def test_the_reason_says_which_witness_was_silent():
    on_n1 = [Placed(Container("a"), "n1")]
    both = evict(on_n1, list_of(node(3.25)), echoes=Echoes({AWAY: 3.0625}, OWN_S))
    agent = evict(on_n1, list_of(node(9.25)), echoes=Echoes({AWAY: 0.25}, OWN_S))
    reasons = [item.reason for item in (*both.placements, *agent.placements)]
    assert reasons == [
        "node is down: n1 (agent silent for 3.2 s, machine for 3.1 s)",
        "node is down: n1 (agent silent for 9.2 s, machine for 0.2 s)",
    ]


def test_a_dead_node_is_reported_unless_a_guard_holds_or_the_server_knows():
    seen = list_of(node(3.25))
    echoes = Echoes({AWAY: 3.1}, OWN_S)
    assert evict([], seen, echoes=echoes).dead == (seen.nodes[0],)
    assert evict([], seen).dead == ()
    assert evict([], seen._replace(nodes=seen.nodes[:1]), echoes=echoes).dead == ()
    assert evict([], seen, {"n1": 0.0}, STRETCHED_S, echoes).dead == ()
    known = seen.nodes[0]._replace(health=Health.DOWN)
    assert evict([], seen._replace(nodes=(known, *seen.nodes[1:])), echoes=echoes).dead == ()


def test_a_young_server_believes_two_witnesses():
    """Both were silent since its start for as long as they must be at any other time."""
    young = list_of(node(3.25))._replace(uptime_s=3.25)
    assert evict([], young, echoes=Echoes({AWAY: 3.1}, OWN_S)).dead == (young.nodes[0],)
    on_n1 = [Placed(Container("a"), "n1")]
    alone = list_of(node(9.25))._replace(uptime_s=9.0)
    for echoes in (NO_ECHOES, Echoes({AWAY: 0.1}, OWN_S)):
        eviction = evict(on_n1, alone, echoes=echoes)
        assert (eviction.placements, eviction.dead) == ((), ())
        assert eviction.waiting.startswith("state server is up for less than one lease")


def test_what_must_not_run_twice_waits_as_long_as_without_echoes():
    once = [Placed(Container("a", on_disconnect=STOP), "n1")]
    echoes = Echoes({AWAY: 4.0}, OWN_S)
    eviction = evict(once, list_of(node(4.0)), echoes=echoes)
    assert eviction.placements == ()
    assert eviction.again_s == pytest.approx(STRETCHED_S + MARGIN_S - 4.0)


def test_machines_that_die_together_are_a_mass_although_their_agents_spoke_at_different_times():
    """The first of two whose agent has been silent for a lease is not judged alone."""
    first = Node("n1", 3.1, Health.UP, address="a")
    second = Node("n2", 2.2, Health.UP, address="b")
    third = Node("n3", 0.0, Health.UP, address="c")
    seen = NodeList((first, second, third), 1000.0, STRETCHED_S)
    echoes = Echoes({"a": 3.1, "b": 3.1, "c": 0.2}, OWN_S)
    eviction = evict([Placed(Container("a"), "n1")], seen, echoes=echoes)
    assert eviction.placements == ()
    assert eviction.waiting.startswith("2 of 3 nodes fell silent together (n1, n2)")


@pytest.mark.parametrize(
    ("agent_s", "machine_s", "due"),
    [(2.5, 2.0, 1.0), (2.0, 2.5, 1.0), (1.0, 1.0, NEVER_S), (4.0, 4.0, NEVER_S), (2.5, 9, NEVER_S)],
)
def test_when_a_suspect_may_be_down(agent_s, machine_s, due):
    echoes = Echoes({AWAY: machine_s}, OWN_S)
    assert due_s(list_of(node(agent_s)), echoes) == pytest.approx(due)
    assert evict([], list_of(node(agent_s)), echoes=echoes).again_s == pytest.approx(due)


def test_silence_grows_until_an_answer_and_begins_with_one():
    silent_s = listened(
        {"a": 1.0, "b": 1.0, "gone": 1.0}, ["a", "b", "new", "mute"], ["b", "new"], 0.2
    )
    assert silent_s == pytest.approx({"a": 1.2, "b": 0.2, "new": 0.2})
