"""A state over TinyDB in a folder, as the state server opens it."""

from services.core.lease import Terms
from services.state import EmbeddedKeys, State

MARGIN_S = 6.0


def open_state(folder, *, lease_s, stop_margin_s=MARGIN_S, leaving_s=0.0, offload=None, **options):
    """options: of State. offload: of EmbeddedKeys."""
    keys = EmbeddedKeys(folder, **({"offload": offload} if offload else {}))
    return State(keys, terms=Terms(lease_s, stop_margin_s, leaving_s), **options)
