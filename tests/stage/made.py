"""Histories made by hand, shown as the stage shows them."""

from lab.stage.view import Show
from tests.experiment.histories import Made

__all__ = ["Made", "heard", "shown"]


def heard(made, at_s, *nodes):
    """All is known of `nodes` (default: of all) until at_s."""
    for node in nodes or ("node1", "node2", "node3"):
        made.looked(at_s, node)
    return made


def shown(made, now_s):
    """The view of the records so far, at now_s."""
    show = Show(recorded=True)
    for record in made.records:
        show.add(record)
    return show.view(now_s)
