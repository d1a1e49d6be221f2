"""One plain pass of a decider, as `seed` has it."""

from services.core.profiles import profile
from services.deciders.loop import run
from services.deciders.state_server import StateServer


def plain_pass(program, address, kind=StateServer):
    """Run one pass of `program` against the server at `address`. kind: how it asks."""
    run(program.decide, kind(address, 5.0), profile("seed"))
