"""One run of the agent: one pass where it polls, pass after pass where it waits for news.

Nothing here decides or acts: services/agent/tick.py does, and the plane says when.
"""

from services.agent.narrator import Narrator
from services.agent.systemd import Systemd
from services.agent.tick import ControlPlane, tick
from services.core.errors import LabError


def run(plane: ControlPlane, systemd: Systemd, narrator: Narrator) -> bool:
    """Make passes until no other is due; return whether systemd did all that it was asked to do.

    What systemd refuses is narrated when that happens and does not end the loop: a later pass
    tries again.
    """
    done = True
    while True:
        try:
            tick(plane, systemd, narrator)
            done = done or not systemd.busy
        except LabError as error:
            narrator.complain(error)
            done = False
        if not plane.wait(systemd.busy or systemd.starting):
            return done
