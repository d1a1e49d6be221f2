"""Which machines a fault hits."""

import pytest

from lab.faults.targets import choose
from provisioning import topology
from services.core.errors import LabError

LAB = topology.load()
LOADS = {"node1": 1, "node2": 3, "node3": 3}


def names(rule, seed=1, machines=LAB.machines, loads=LOADS):
    return [machine.name for machine in choose(rule, machines, seed, loads)]


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ("node2", ["node2"]),
        ("api", ["api"]),
        ("node3, node1", ["node1", "node3"]),
        ("node1,node1", ["node1"]),
        ("all", ["node1", "node2", "node3"]),
        ("busiest", ["node2"]),
    ],
)
def test_names_and_rules_without_a_draw(rule, hit):
    assert names(rule) == hit


@pytest.mark.parametrize(("rule", "size"), [("one", 1), ("minority", 1), ("majority", 2)])
def test_a_draw_is_the_same_for_a_seed_and_meets_every_node(rule, size):
    draws = [names(rule, seed) for seed in range(40)]
    assert draws == [names(rule, seed) for seed in range(40)]
    assert {len(draw) for draw in draws} == {size}
    assert {name for draw in draws for name in draw} == {"node1", "node2", "node3"}


@pytest.mark.parametrize("rule", ["node9", "", "node1,", "most", "node1;reboot"])
def test_an_unknown_target_is_refused_with_the_known_ones(rule):
    with pytest.raises(LabError, match="unknown target") as refused:
        names(rule)
    assert "use one of: api, node1, node2, node3; several with commas" in refused.value.hint


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_lab_that_is_too_small_has_no_minority(nodes):
    with pytest.raises(LabError, match=f"a lab of {nodes} nodes has no minority"):
        names("minority", machines=LAB.machines[: nodes + 1])


def test_without_loads_the_first_node_is_the_busiest():
    assert names("busiest", loads={}) == ["node1"]
