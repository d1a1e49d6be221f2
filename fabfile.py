"""`fab` looks for this name; the tasks are in tasks.py."""

from tasks import namespace

__all__ = ["namespace"]
