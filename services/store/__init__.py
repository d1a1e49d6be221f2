"""What the pull mode's state server remembers: wanted, placed and seen, each with one writer."""

from services.store.answers import PlacedMeanwhile
from services.store.store import Store

__all__ = ["PlacedMeanwhile", "Store"]
