"""What the pull mode's state server remembers: wanted, placed and seen, each with one writer."""

from services.store.answers import ABSENT, EXISTS, RevisionConflict
from services.store.limits import LimitReached, Limits
from services.store.store import Store

__all__ = ["ABSENT", "EXISTS", "LimitReached", "Limits", "RevisionConflict", "Store"]
