"""One plain pass of a decider, as `seed` has it."""

from services.core.profiles import profile
from services.deciders import node_controller
from services.deciders.loop import run
from services.deciders.state_server import StateServer


def decide_of(program):
    """Return how `program` decides, as a process of its own begins."""
    if program is node_controller:
        return node_controller.NodeController().decide
    return program.decide


def plain_pass(program, address, kind=StateServer):
    """Run one pass of `program` against the server at `address`. kind: how it asks."""
    run(decide_of(program), kind(address, 5.0), profile("seed"))
