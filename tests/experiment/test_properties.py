"""For histories of any kind: to know less makes no finding better; order does not matter."""

from hypothesis import given
from hypothesis import strategies as st

from lab.experiment.check.judge import CHECKS, judge
from lab.history.history import History
from tests.experiment.histories import NODES, Made

MODES = ("push", "pull")
names = st.lists(st.sampled_from("ab"), unique=True, max_size=2)
nodes = st.sampled_from(NODES)
modes = st.sampled_from(MODES)
events = st.one_of(
    st.tuples(st.just("runs"), nodes, names, modes),
    st.tuples(st.just("looked"), nodes),
    st.tuples(st.just("machine"), nodes, st.sampled_from(["off", "paused", "running"])),
    st.tuples(st.just("wanted"), names, modes),
    st.tuples(st.just("claims"), names, nodes, modes, st.booleans()),
    st.tuples(st.just("asks"), nodes, st.sampled_from("ab"), modes, st.booleans()),
    st.tuples(st.just("fault"), nodes),
    st.tuples(st.just("lost"), nodes, st.integers(1, 5)),
    st.tuples(
        st.just("human"),
    ),
)
scripts = st.lists(st.tuples(st.integers(1, 8), events), min_size=4, max_size=25)
errors = st.sampled_from([0.0, 0.2, 2.0])


def play(script, error_s):
    """The history that `script` makes; a second or more lies between two events."""
    made = Made(modes=MODES, checks=dict.fromkeys(CHECKS, True), error_s=error_s)
    at_s = 1.0
    for node in NODES:
        for mode in MODES:
            made.runs(at_s, node, *("a" if node == "node1" else ""), mode=mode)
    for mode in MODES:
        made.wanted(at_s, "a", mode=mode).claims(at_s, {"a": "node1"}, mode=mode)
    made.steady(2)
    for after_s, (kind, *rest) in script:
        at_s += after_s
        add(made, at_s, kind, rest)
    return made.end(at_s + 5)


def add(made, at_s, kind, rest):
    if kind == "runs":
        made.runs(at_s, rest[0], *rest[1], mode=rest[2])
    elif kind in ("looked", "machine", "fault"):
        getattr(made, kind)(at_s, *rest)
    elif kind == "wanted":
        made.wanted(at_s, *rest[0], mode=rest[1])
    elif kind == "claims":
        down = [rest[1]] if rest[3] else []
        made.claims(at_s, dict.fromkeys(rest[0], rest[1]), mode=rest[2], down=down)
    elif kind == "asks":
        node, name, mode, ok = rest
        made.asks(at_s, at_s + 0.5, node, name, mode=mode, ok=ok and runs(made, node, mode, name))
    elif kind == "lost":
        made.put(at_s, "lost", machine=rest[0], from_s=at_s - rest[1], why="dropped")
    else:
        made.human(at_s, "something")


def runs(made, node, mode, name):
    """Whether it may answer there: by the last list, if the machine has not changed since then."""
    for record in reversed(made.records):
        if record.kind == "machine" and record.fields["machine"] == node:
            return False
        if record.kind == "runs" and (record.fields["node"], record.fields["mode"]) == (node, mode):
            return name in record.fields["containers"]
    return False


def holds(history):
    return {
        (result.mode, judged.finding.check): judged.finding.holds
        for result in judge(history).modes
        for judged in result.checks
    }


def assert_not_better(before, after):
    found, less = holds(before), holds(after)
    assert found.keys() == less.keys()
    assert {
        key: (found[key], less[key]) for key in found if less[key] not in (found[key], None)
    } == {}


@given(scripts, errors)
def test_no_check_fails(script, error_s):
    texts = [
        judged.finding.text
        for result in judge(play(script, error_s)).modes
        for judged in result.checks
    ]
    assert [text for text in texts if "the check failed" in text] == []


@given(scripts, errors, st.data())
def test_to_have_looked_less_never_makes_a_finding_better(script, error_s, data):
    whole = play(script, error_s)
    looks = [record for record in whole.records if record.kind == "looked"]
    gone = data.draw(st.lists(st.sampled_from(looks), min_size=1, max_size=5))
    less = tuple(r for r in whole.records if not any(r is one for one in gone))
    assert_not_better(whole, History(less, ()))


@given(scripts, errors, st.floats(0, 3))
def test_a_larger_error_never_makes_a_finding_better(script, error_s, more_s):
    whole = play(script, error_s)
    kinds = ("runs", "claims", "machine")
    wider = tuple(
        r._replace(error_s=r.error_s + more_s) if r.kind in kinds else r for r in whole.records
    )
    assert_not_better(whole, History(wider, ()))


@given(scripts, errors, st.randoms(use_true_random=False))
def test_the_order_of_what_different_machines_sent_does_not_matter(script, error_s, random):
    whole = play(script, error_s)
    begin, *rest = whole.records
    queues: dict[str, list] = {}
    for record in rest:
        owner = record.fields.get("node") or record.fields.get("machine") or record.kind
        queues.setdefault(str(owner), []).append(record)
    mixed = [begin]
    while queues:
        owner = random.choice(sorted(queues))
        mixed.append(queues[owner].pop(0))
        if not queues[owner]:
            del queues[owner]
    assert holds(History(tuple(mixed), ())) == holds(whole)
