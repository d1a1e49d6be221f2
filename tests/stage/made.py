"""Histories made by hand, shown as the stage shows them."""

from lab.stage.view import Show
from tests.experiment.histories import Made

__all__ = ["Made", "beat", "heard", "shown"]


def heard(made, at_s, *nodes):
    """All is known of `nodes` (default: of all) until at_s."""
    for node in nodes or ("node1", "node2", "node3"):
        made.looked(at_s, node)
    return made


def beat(made, to_s, placed, mode="pull"):
    """Every second all is known and the API says `placed`, until to_s."""
    for at_s in range(int(made.records[-1].at_s) + 1, int(to_s) + 1):
        heard(made.claims(at_s, placed, mode=mode), at_s)
    return made


def shown(made, now_s):
    """The view of the records so far, at now_s."""
    show = Show(recorded=True)
    for record in made.records:
        show.add(record)
    return show.view(now_s)
