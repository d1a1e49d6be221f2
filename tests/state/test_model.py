"""Any sequence of changes, against a naive model; also across restarts, kills and lost ends."""

import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from unittest.mock import Mock, patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.core.errors import UnknownContainer, UnknownNode
from services.core.model import UnitState
from tests.core.strategies import containers as any_containers
from tests.core.strategies import names, node_names, unit_states
from tests.state.conftest import LEASE_S, Clock, crashed, wanted
from tests.states import open_state

containers = any_containers.map(wanted)
TOPICS = ["containers", "unassigned", "nodes", "events", *(f"node/node{n}" for n in range(1, 5))]
places = st.none() | node_names


class StoreMachine(RuleBasedStateMachine):
    """The model: name -> (Container, node), as they should be; and what was ever given out."""

    @initialize()
    def begin(self):
        # What is killed here is no machine, so nothing need get further than the kernel.
        self.no_sync = patch.multiple("os", fdatasync=Mock(), fsync=Mock(), create=True)
        self.no_sync.start()
        self.scratch = tempfile.TemporaryDirectory()
        self.folders = (Path(self.scratch.name) / str(n) for n in count())
        self.clock = Clock()
        self.model = {}
        self.given = set()
        self.highest = 0
        self.assigned = {}
        self.folder = next(self.folders)
        self.folder.mkdir()
        self.store = open_state(self.folder, lease_s=LEASE_S, now_s=self.clock)
        self.epoch = self.store.epoch
        self.versions = dict.fromkeys(TOPICS, 0)
        self.since = 0

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.scratch.cleanup()
            self.no_sync.stop()

    @rule(container=containers, node=places)
    def declare(self, container, node):
        self.store.declare(container, node)
        self.model.setdefault(container.name, (container, node))

    @rule(container=containers)
    def put(self, container):
        self.store.put(container)
        self.model[container.name] = (container, self.model.get(container.name, (None, None))[1])

    @rule(name=names, node=places)
    def place(self, name, node):
        try:
            self.store.place(name, node, "")
        except UnknownContainer:
            assert name not in self.model
        else:
            self.model[name] = (self.model[name][0], node)

    @rule(name=names)
    def remove(self, name):
        self.store.remove(name)
        self.model.pop(name, None)

    @rule(node=node_names, running=st.none() | st.dictionaries(names, unit_states))
    def beat(self, node, running):
        self.store.beat(node, running)

    @rule(node=node_names, cordoned=st.none() | st.booleans())
    def mark(self, node, cordoned):
        with suppress(UnknownNode):
            self.store.mark(node, cordoned=cordoned)

    @rule(node=node_names)
    def leave(self, node):
        self.store.leave(node, "boot")

    @rule(seconds=st.sampled_from([0.5, 2.0, 3.5]))
    def time_goes_by(self, seconds):
        self.clock.now_s += seconds
        self.store.judge()

    @rule(restless=st.integers(40, 120))
    def much_is_seen(self, restless):
        for turn in range(restless):
            self.store.beat("node1", {"a": UnitState("demo", ready=turn % 2 == 0)})

    @rule()
    def stop_and_start(self):
        self.store.close()
        self._took_over(open_state(self.folder, lease_s=LEASE_S, now_s=self.clock))

    @rule(lost_bytes=st.integers(0, 400))
    def kill(self, lost_bytes):
        """The disk may lose the end of what it acknowledged; then what is left is the truth."""
        after = next(self.folders)
        again = crashed(self.folder, self.clock, after, lost_bytes=lost_bytes)
        self.store.close()
        self.folder = after
        if lost_bytes:
            if not again.listing().revision:
                # A store in which nothing was declared, as far as it knows, stops nothing.
                self.assigned = {}
            self.model = {p.name: (wanted(p.container), p.node) for p in again.listing().placed}
        if again.epoch != self.epoch:
            # All is lost, and everybody is told so by the epoch.
            self.epoch, self.given, self.highest, self.assigned = again.epoch, set(), 0, {}
            self.versions = dict.fromkeys(TOPICS, 0)
        self._took_over(again)

    def _took_over(self, store):
        self.store = store
        self.since = store._view.revision

    @invariant()
    def lists_say_what_the_model_says(self):
        listing = self.store.listing()
        assert {p.name: (wanted(p.container), p.node) for p in listing.placed} == self.model
        assert [p.name for p in listing.placed] == sorted(self.model)
        nowhere = sorted(name for name, (_, node) in self.model.items() if node is None)
        assert [p.name for p in self.store.unassigned().placed] == nowhere
        for node in ("node1", "node2", "node3", "node4"):
            mine = [
                self.model[name][0] for name in sorted(self.model) if self.model[name][1] == node
            ]
            assert list(map(wanted, self.store.assignment(node).containers)) == mine
        stats = self.store.stats()
        assert (stats.containers, stats.placed) == (len(self.model), len(self.model) - len(nowhere))
        for placed in listing.placed:
            assert self.store.container(placed.name) == placed

    @invariant()
    def running_is_what_a_living_node_says_of_what_it_should_run(self):
        listing, heard = self.store.listing(), dict(self.store.nodes().heard)
        told = {node.name: beat.running for node, beat in heard.items() if _counts(node)}
        for name, (container, node) in self.model.items():
            unit = told.get(node, {}).get(name)
            created = self.store.container(name).container.created
            serves = unit in (
                UnitState(container.image, ready=True),
                UnitState(container.image, ready=True, created=created),
            )
            assert listing.running.get(name) == (node if serves else None)
            assert self.store.running_on(name) == (node if serves else None)

    @invariant()
    def no_revision_is_given_twice_and_none_is_older(self):
        page = self.store.events(self.since)
        new = {event.revision for event in page.events}
        assert not new & self.given
        assert min(new, default=self.highest + 1) > self.highest
        self.given |= new
        self.since = page.revision
        self.highest = max(self.highest, page.revision)
        for topic in TOPICS:
            version = self.store.version(topic)
            assert version >= self.versions[topic]
            self.versions[topic] = version
        for node in ("node1", "node2"):
            assignment = self.store.assignment(node)
            before = self.assigned.get(node)
            if before is not None and before.containers != assignment.containers:
                assert assignment.revision > before.revision
            assert before is None or assignment.revision >= before.revision
            self.assigned[node] = assignment


def _counts(node):
    return node.silent_s <= LEASE_S and not node.leaving


StoreMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25)
TestStoreAgainstModel = StoreMachine.TestCase
