"""The state of the pull mode: keys with revisions, and containers, nodes and events over them."""

from services.state.answers import ABSENT, EXISTS, Forgotten, LimitReached, Limits, RevisionConflict
from services.state.embedded import EmbeddedKeys
from services.state.etcd import EtcdKeys
from services.state.keys import Unavailable
from services.state.state import State

__all__ = [
    "ABSENT",
    "EXISTS",
    "EmbeddedKeys",
    "EtcdKeys",
    "Forgotten",
    "LimitReached",
    "Limits",
    "RevisionConflict",
    "State",
    "Unavailable",
]
