"""Hypothesis strategies for the model's values."""

import string

from hypothesis import strategies as st

from services.core.catalogue import IMAGES
from services.core.liveness import health
from services.core.messages import NodeList
from services.core.model import POLICIES, Assignment, Container, Event, Node, Placed, UnitState

LEASE_S = 3.0
MARGIN_S = 6.0

_EDGE = st.sampled_from(string.ascii_lowercase + string.digits)
_INNER = st.text(string.ascii_lowercase + string.digits + "-", max_size=61)
labels = st.builds(lambda a, b, c: a + b + c, _EDGE, _INNER, _EDGE) | _EDGE
# Few names, so that what is wanted and what is there meet often.
names = st.sampled_from(["a", "b", "c", "nginx", "web-1"])
node_names = st.sampled_from(["node1", "node2", "node3", "node4"])
images = st.sampled_from(IMAGES)
policies = st.sampled_from(POLICIES)
containers = st.builds(Container, names, images, policies, st.integers(0, 2))
unit_states = st.builds(UnitState, images, st.booleans(), st.none(), st.integers(0, 2))
desired_maps = st.dictionaries(names, st.tuples(images, policies)).map(
    lambda wanted: {name: Container(name, *rest) for name, rest in wanted.items()}
)
observed_maps = st.dictionaries(names, unit_states)
_rows = st.tuples(images, policies, st.none() | node_names, st.integers(0, 9))
placed_lists = st.dictionaries(names, _rows).map(
    lambda rows: [
        Placed(Container(name, image, policy), node, revision)
        for name, (image, policy, node, revision) in rows.items()
    ]
)
silences = st.floats(0, 20).map(lambda value: round(value, 3))
node_lists = st.dictionaries(node_names, silences).map(
    lambda rows: [Node(name, silent, health(silent, LEASE_S)) for name, silent in rows.items()]
)
marked_nodes = st.builds(
    lambda node, marks, revision, address: node._replace(
        cordoned=marks[0],
        draining=marks[1],
        leaving=marks[2],
        settled=marks[3],
        revision=revision,
        address=address,
    ),
    st.builds(
        lambda name, silent: Node(name, silent, health(silent, LEASE_S)), node_names, silences
    ),
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    st.integers(0, 9),
    st.sampled_from(["", "10.77.0.11", "fd00::11"]),
)
events = st.builds(
    Event,
    st.integers(0, 99),
    st.just("2026-01-01T00:00:00+00:00"),
    silences,
    st.sampled_from(["wanted", "node-down"]),
    names,
    st.just("") | node_names,
    st.text(max_size=9),
)
assignments = st.builds(
    Assignment,
    st.sampled_from(["e1", "e2"]),
    st.integers(0, 5),
    desired_maps.map(lambda wanted: tuple(wanted.values())),
    silences,
)


@st.composite
def roll(draw):
    """What GET /api/nodes says: silence begins when the server starts, at the earliest."""
    uptime_s = draw(silences)
    some = draw(st.dictionaries(node_names, marked_nodes))
    nodes = []
    for name, node in sorted(some.items()):
        silent_s = min(node.silent_s, uptime_s)
        nodes.append(node._replace(name=name, silent_s=silent_s, health=health(silent_s, LEASE_S)))
    awaited = tuple(sorted(draw(st.sets(node_names)) - some.keys()))
    pairs = draw(st.frozensets(st.tuples(node_names, names)))
    running = frozenset((node, name) for node, name in pairs if node in some)
    left = draw(st.frozensets(st.tuples(node_names, names)))
    unheard = draw(st.frozensets(st.sampled_from(sorted(left)))) if left else left
    return NodeList(tuple(nodes), uptime_s, LEASE_S, awaited, MARGIN_S, running, left, unheard)
