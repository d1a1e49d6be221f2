"""In which order our units start, and the other way round stop."""

from graphlib import TopologicalSorter

from services.core.profiles import PROFILES, stretched
from tests.house.test_units import GOODBYE, UNITS, read, seconds


def before():
    """Unit -> those that start before it, and so stop after it: as systemd.unit(5) has it."""
    found: dict[str, set[str]] = {unit: set() for unit in UNITS}
    for unit, text in UNITS.items():
        section = read(text)["Unit"]
        for other in " ".join(section["After"]).split():
            found[unit].add(other)
        for other in " ".join(section["Before"]).split():
            found.setdefault(other, set()).add(unit)
        if unit.endswith(".timer"):  # systemd.timer(5)
            found[unit.replace(".timer", ".service")].add(unit)
    for target in (unit for unit in UNITS if unit.endswith(".target")):  # systemd.target(5)
        for wanted in " ".join(read(UNITS[target])["Unit"]["Wants"]).split():
            if target not in found[wanted]:
                found[target].add(wanted)
    return found


def test_the_order_of_our_units_has_no_cycle():
    TopologicalSorter(before()).prepare()


def test_a_node_that_shuts_down_says_so_after_its_agent_and_before_its_containers():
    earlier = before()
    assert GOODBYE in earlier["pull-agent.service"]
    assert "pull-container@.service" in earlier[GOODBYE]
    assert "network.target" in earlier[GOODBYE]
    sections = read(UNITS[GOODBYE])
    assert sections["Service"]["RemainAfterExit"] == ["yes"]
    assert sections["Unit"]["RefuseManualStop"] == ["yes"]
    # Shutting down waits for it, and for nothing else as long.
    limit_s = seconds(sections["Service"]["TimeoutStopSec"][0])
    assert max(stretched(one, 12).leaving_s for one in PROFILES.values()) < limit_s <= 45
