"""The page in a real browser: what a room sees, of a history that grows meanwhile."""

from tests.stage.browsing import MODES
from tests.stage.made import heard

LANE = {"push": ".lane:nth-of-type(1)", "pull": ".lane:nth-of-type(2)"}
PUSH, PULL = (f"{LANE[mode]} .headline" for mode in MODES)


def test_a_container_appears_moves_and_dies(live, page):
    for mode in MODES:
        page.shows(mode, ("a", "node1", "runs"), ("b", "node2", "runs"))
    live.made.wanted(4, "a", "b", "c").claims(4, {"a": "node1", "b": "node2", "c": None})
    live.write()
    page.shows("pull", ("a", "node1", "runs"), ("b", "node2", "runs"), ("c", "", "start"))
    page.says(PULL, "1 container is being started.")
    live.made.machine(5, "node1", "off").fault(5, "node1")
    live.write()
    page.shows("push", ("a", "node1", "gone"), ("b", "node2", "runs"))
    page.says(PUSH, "1 container is gone. Nothing starts it again.")
    page.says(".lane:nth-of-type(1) .box", "plug pulled")
    placed = {"a": "node3", "b": "node2", "c": "node3"}
    live.made.claims(6, placed, running=["b"], down=["node1"])
    live.write()
    page.shows("pull", ("a", "node3", "start"), ("b", "node2", "runs"), ("c", "node3", "start"))
    heard(live.made.runs(7, "node3", "a", "c").claims(7, placed, down=["node1"]), 8)
    live.write()
    page.shows("pull", ("a", "node3", "runs"), ("b", "node2", "runs"), ("c", "node3", "runs"))
    page.says(PULL, "All 3 containers run. 1 moved from node1 to another node.")


def test_a_paused_node_says_so_and_its_containers_are_frozen(live, page):
    live.made.machine(4, "node1", "paused").fault(4, "node1", fault="pause")
    live.write()
    for mode in MODES:
        page.shows(mode, ("a", "node1", "paused"), ("b", "node2", "runs"))
    page.says(".box.paused .counts", "paused")
    page.says(".headline.bad", "1 container stands still. Nothing starts it elsewhere.")
    page.says(".box.paused", "not heard for")


def test_a_silent_api_is_not_heard_and_never_fine(live, page):
    for mode in MODES:
        live.made.claims(4, {}, mode=mode, ok=False)
    live.write()
    for mode, then in (("push", "Nothing can be started"), ("pull", "The nodes go on without it.")):
        page.says(f"{LANE[mode]} .api.silent", "no answer for")
        page.says(f"{LANE[mode]} .headline", f"The API does not answer. {then}")
    assert page.value("document.querySelectorAll('.headline.good').length") == 0


def test_what_an_api_says_is_beside_what_is(live, page):
    heard(live.made.machine(4, "node1", "off"), 5, "node2", "node3")
    live.write()
    page.says(f"{LANE['push']} .api", "lists 2 ≠ really 1")
    page.says(f"{LANE['push']} .api", "Says node1 is up: it is off.")
    page.says(f"{LANE['push']} .api", "Lists a on node1: not running.")


def test_a_stray_and_a_container_on_two_nodes(live, page):
    live.made.runs(4, "node3", "a", "x", mode="push")
    for at_s in (8, 12, 16):
        heard(live.made, at_s)
    live.write()
    page.shows(
        "push", ("a", "node1", "twice"), ("a", "node3", "twice"), ("b", "node2", "runs"),
        ("x", "node3", "stray"),
    )  # fmt: skip
    page.says(
        PUSH, "1 container runs on two nodes at once. 1 container runs that was not asked for."
    )


def test_what_is_not_called_a_stray_is_shown_and_not_counted(live, page):
    live.made.runs(4, "node3", "mine", mode="push")
    heard(live.made, 8)
    live.write()
    page.shows("push", ("a", "node1", "runs"), ("b", "node2", "runs"), ("mine", "node3", "runs"))
    assert page.text(f"{LANE['push']} .box[aria-label='node3'] .counts") == "should run 0 = runs 0"


def test_a_node_that_is_not_heard_is_not_called_fine(live, page):
    heard(live.made, 12, "node1", "node2")
    live.write()
    page.says(f"{LANE['pull']} .box[aria-label='node3']", "not heard for 9 s")
    page.says(f"{LANE['pull']} .box[aria-label='node3'] .counts", "runs ?")


def test_a_lease_counts_down_and_ends(live, page):
    live.made.machine(4, "node1", "off")
    live.write()
    lease = f"{LANE['pull']} .box[aria-label='node1'] .lease"
    page.says(lease, "lease 2 s")
    page.says(lease, "lease over")
    assert page.value("document.querySelectorAll('.lease').length") == 1


def test_the_timeline_has_the_bars_of_the_report(live, page):
    live.made.machine(4, "node1", "off").fault(4, "node1")
    heard(live.made.claims(5, {}, mode="push", ok=False), 8, "node2", "node3")
    live.write()
    for look in ("runs", "gone", "off", "silent", "fault"):
        page.wait(f"!!document.querySelector('.timeline .bar.look-{look}')", f"a bar: {look}")
    page.says(".timeline figcaption", "gone")
    page.says(".timeline svg", "plug pulled node1")
