"""Hypothesis strategies for the model's values."""

import string

from hypothesis import strategies as st

from services.core.catalogue import IMAGES
from services.core.liveness import health
from services.core.model import Assignment, Container, Node, Placed, UnitState

LEASE_S = 3.0

_EDGE = st.sampled_from(string.ascii_lowercase + string.digits)
_INNER = st.text(string.ascii_lowercase + string.digits + "-", max_size=61)
labels = st.builds(lambda a, b, c: a + b + c, _EDGE, _INNER, _EDGE) | _EDGE
# Few names, so that what is wanted and what is there meet often.
names = st.sampled_from(["a", "b", "c", "nginx", "web-1"])
node_names = st.sampled_from(["node1", "node2", "node3", "node4"])
images = st.sampled_from(IMAGES)
containers = st.builds(Container, names, images)
unit_states = st.builds(UnitState, images, st.booleans())
desired_maps = st.dictionaries(names, images).map(
    lambda wanted: {name: Container(name, image) for name, image in wanted.items()}
)
observed_maps = st.dictionaries(names, unit_states)
placed_lists = st.dictionaries(names, st.tuples(images, st.none() | node_names)).map(
    lambda rows: [Placed(Container(name, image), node) for name, (image, node) in rows.items()]
)
silences = st.floats(0, 20).map(lambda value: round(value, 3))
node_lists = st.dictionaries(node_names, silences).map(
    lambda rows: [Node(name, silent, health(silent, LEASE_S)) for name, silent in rows.items()]
)
assignments = st.builds(
    Assignment,
    st.sampled_from(["e1", "e2"]),
    st.integers(0, 5),
    desired_maps.map(lambda wanted: tuple(wanted.values())),
)
