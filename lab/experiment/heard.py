"""Wait until a recording knows all that has happened by now."""

import time

from lab.history.recording import Recording
from lab.host.speed import deadline_s
from services.core.errors import LabError

# Connecting to the recorders of four machines; a login costs an emulated guest a second.
_CONNECT_S = 5.0
_LOOK_S = 0.1


def await_all(recording: Recording, *, apis: bool = False) -> None:
    """Return once all is known of every machine up to now. apis: and what both APIs say.

    Raises LabError, with the names of what is silent.
    """
    now_s = recording.writer.now_s()
    limit_s = deadline_s(_CONNECT_S)
    if apis:
        recording.hurry()
    while silent := _silent(recording, now_s, apis=apis):
        if recording.writer.now_s() - now_s > limit_s:
            raise LabError(
                f"nothing is heard of {', '.join(silent)} for {limit_s:.0f} s",
                hint="lab up both updates the machines; lab heal, then again",
            )
        recording.writer.check()
        time.sleep(_LOOK_S)


def _silent(recording: Recording, now_s: float, *, apis: bool) -> list[str]:
    """Return what has not been heard since `now_s`."""
    if recording.states.looked_s < now_s:
        return ["libvirt"]
    claims = recording.claims if apis else {}
    return [
        *(f"the API of {mode}" for mode, one in claims.items() if one.asked_s < now_s),
        *(
            f"the recorder of {name}"
            for name, follower in recording.followers.items()
            if recording.states.latest.get(name) == "running" and follower.until_s < now_s
        ),
    ]
