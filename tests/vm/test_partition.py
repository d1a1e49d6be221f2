"""A node that is cut off the state server, and what each policy makes of it."""

import time
from datetime import datetime

import pytest

from lab.machines import power
from services.core.model import KEEP, STOP, Health
from tests.vm.conftest import LAB, cursor, journal, run

pytestmark = pytest.mark.vm

NODE = "node3"
# The management network, by which these tests look at it, stays.
CUT = (
    "nft -f - <<'END'\n"
    "table inet lab_cut {{\n"
    "  chain to_api {{ type filter hook output priority 0; ip daddr {api} drop; }}\n"
    "  chain from_api {{ type filter hook input priority 0; ip saddr {api} drop; }}\n"
    "}}\n"
    "END"
)
MEND = "nft delete table inet lab_cut 2>/dev/null || :"


@pytest.fixture
def mended(hosts):
    """Whatever a test cuts is whole before and after it."""
    hosts[NODE].check_output(MEND)
    yield
    hosts[NODE].check_output(MEND)


def _ahead_s(host) -> tuple[float, float]:
    """Return how far the clock of `host` is ahead of ours, and how exact that is (seconds)."""
    asked_s = time.time()
    there_s = float(host.check_output("date +%s.%N"))
    answered_s = time.time()
    return there_s - (asked_s + answered_s) / 2, (answered_s - asked_s) / 2


def _clock_difference(hosts) -> tuple[float, float]:
    """Return how far the node's clock is ahead of the API machine's, and how exact that is."""
    node_s, node_by_s = min((_ahead_s(hosts[NODE]) for _ in range(3)), key=lambda pair: pair[1])
    api_s, api_by_s = min((_ahead_s(hosts["api"]) for _ in range(3)), key=lambda pair: pair[1])
    return node_s - api_s, node_by_s + api_by_s


def test_cut_off_keep_goes_on_and_stop_ends_before_it_runs_elsewhere(hosts, lab, stage, mended):
    host = hosts[NODE]
    units = {name: f"pull-container@{name}.service" for name in (KEEP, STOP)}
    for policy in (KEEP, STOP):
        stage.pull.declare(policy, NODE, on_disconnect=policy)
    stage.wait_running("pull", {KEEP, STOP})
    assert {tuple(nodes) for nodes in stage.where("pull").values()} == {(NODE,)}
    since, before = stage.pull.events(0).revision, cursor(host)

    host.check_output(CUT.format(api=lab.api.address))

    def elsewhere() -> bool:
        listed = stage.pull.declared()
        moved = {p.name for p in listed.containers if p.node not in (None, NODE)}
        return moved & listed.running >= {KEEP, STOP}

    stage.wait(elsewhere, "both run on another node", seconds_on_kvm=60)
    where = stage.where("pull")
    # The one that may run twice does; that is what it was asked for.
    assert NODE in where[KEEP]
    assert len(where[KEEP]) == 2
    assert len(where[STOP]) == 1
    assert NODE not in where[STOP]

    said = journal(host, *units.values(), "pull-agent.service", cursor=before)
    assert any("API unreachable, using local state" in line for _, line in said)
    (ended_s,) = [at_s for at_s, line in said if f"Stopped {units[STOP]}" in line]
    assert not any(f"Stopping {units[KEEP]}" in line for _, line in said)
    (placed,) = [e for e in stage.happened(since, "placed", STOP) if e.node != NODE]
    placed_s = datetime.fromisoformat(placed.at).timestamp()
    ahead_s, by_s = _clock_difference(hosts)
    between_s = placed_s - (ended_s - ahead_s)
    print(f"ended {between_s:.2f} s before it was placed elsewhere, exact to {by_s:.2f} s")
    assert between_s > by_s

    host.check_output(MEND)
    stage.wait_running("pull", {KEEP, STOP})
    stage.wait(
        lambda: all(len(nodes) == 1 for nodes in stage.where("pull").values()), "each runs once"
    )
    assert NODE not in stage.where("pull")[KEEP]


def test_a_node_that_a_person_called_dead_is_refused_until_it_runs_nothing(
    hosts, lab, stage, mended
):
    stage.pull.declare("web", NODE)
    stage.wait_running("pull", {"web"})
    since, before = stage.pull.events(0).revision, cursor(hosts[NODE])
    hosts[NODE].check_output(CUT.format(api=lab.api.address))
    run(*LAB, "forget", NODE)
    stage.wait(lambda: len(stage.where("pull")["web"]) == 2, "it runs elsewhere, too")
    # Not because the node was silent for long enough: a person said it.
    assert stage.happened(since, "node-forgotten", NODE)
    assert not stage.happened(since, "node-down", NODE)

    hosts[NODE].check_output(MEND)

    def refused() -> bool:
        said = journal(hosts[NODE], "pull-agent.service", cursor=before)
        return any("declared dead" in line for _, line in said)

    known = lambda: {node.name: node.health for node in stage.pull.nodes().nodes}  # noqa: E731
    stage.wait(lambda: refused() or NODE in known(), "it is refused, or has stopped everything")
    # What it was told last is what it goes on with; a boot ends that.
    power.cut(NODE)
    power.start(NODE)
    stage.wait(lambda: known().get(NODE) is Health.UP, "the node has joined again")
    stage.wait_running("pull", {"web"})
    assert NODE not in stage.where("pull")["web"]
