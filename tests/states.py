"""A state over TinyDB in a folder, as the state server opens it."""

from services.state import EmbeddedKeys, State


def open_state(folder, *, offload=None, **options):
    """options: of State. offload: of EmbeddedKeys."""
    return State(EmbeddedKeys(folder, **({"offload": offload} if offload else {})), **options)
