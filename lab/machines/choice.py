"""Which kind of machines this lab has."""

from lab.machines import vagrant
from lab.machines.provider import Provider


def chosen() -> Provider:
    """Return the provider of this checkout's machines."""
    return vagrant
