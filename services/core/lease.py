"""Decide whether a container that must never run twice may run on a node that is cut off.

Every answer of the state server that an agent follows grants a lease on what was answered. When
the lease has run out, the agent stops containers with on_disconnect STOP; those with KEEP run on.

THEOREM. Let the agent send the last exchange that was answered at t_sent, and the server receive
it at t_received >= t_sent. The agent begins to stop at the latest at t_sent + lease + look, by
its clock, and nothing of it runs `stop` later. The server places the container elsewhere not
before t_received + lease + margin, by its own clock. If margin >= look + stop + what the clocks
of both gain on each other meanwhile, the container never runs in both places.

- The lease counts from when the agent *sent*, not from when the answer came: the time that a
  message takes is lost for the agent, never for the server.
- Both clocks are monotonic and run through a suspend (CLOCK_BOOTTIME), so only their rates
  matter. Linux disciplines them by at most 500 ppm (adjtimex(2), MAXTICKADJ apart), and
  quartz is off by at most 100 ppm more; 0.1 % for each is the sum with room to spare.
- `look` is the longest time between two looks at the lease, `stop` that of `systemctl stop`
  and the unit's TimeoutStopSec=: see look_s and stop_s.
- An answer that is not followed (follow.py) grants no lease. The server counts the request as a
  sign of life, but what it knows is not what this node runs: it may have placed the container
  elsewhere long ago. The same is true of a refusal.

A machine that is paused while the world goes on stops nothing in time; no margin is long enough
for every pause. Moves between two nodes that both reach the server, by hand or by a drain, need
no lease: the old node stops the container when its assignment says so.
"""

from typing import NamedTuple

from services.core.model import STOP, Assignment, Container, Desired, Observed
from services.core.profiles import Profile

CUT_OFF = "cut off for {silent_s:.1f} s, lease {lease_s:g} s, on_disconnect stop"
NEVER_HEARD = "cut off since this node booted, on_disconnect stop"
NO_LEASE = "the state server grants no lease, on_disconnect stop"

CLOCK_ERROR = 0.001
# TimeoutStopSec= of provisioning/systemd/container@.service.in; SIGKILL then ends what is left.
UNIT_STOP_S = 3.0
# RandomizedDelaySec= and AccuracySec= of pull-agent.timer.
_TIMER_S = 0.25
# On an ordinary machine; a machine that is slower by a factor needs that much longer. Measured
# under emulation, at a slowness of 8: 0.1 s to queue a job, 0.4 s for a whole pass.
_SYSTEMCTL_S = 0.02
_START_S = 0.05


class Lease(NamedTuple):
    """How long an answer of the server holds. sent_at_s: the agent's clock, at the request."""

    sent_at_s: float
    lease_s: float


def cut_off(lease: Lease | None, now_s: float) -> str:
    """Return why containers with STOP must not run at `now_s`; "" while the lease holds.

    lease: None if no server answered since the node booted. A lease from the future counts as
    none: another clock made it. Total function; it never raises.
    """
    if lease is None or lease.sent_at_s > now_s:
        return NEVER_HEARD
    if not lease.lease_s:
        return NO_LEASE
    silent_s = now_s - lease.sent_at_s
    if silent_s < lease.lease_s:
        return ""
    return CUT_OFF.format(silent_s=silent_s, lease_s=lease.lease_s)


def may_run(assignment: Assignment | None, reason: str) -> Desired:
    """Return what may run of `assignment`: all of it, unless there is a `reason` of cut_off.

    Then containers with STOP are withheld for that reason. Without an assignment nothing is known.
    Total function; it never raises.
    """
    if assignment is None:
        return Desired(None)
    withheld = {
        container.name: reason
        for container in assignment.containers
        if reason and container.on_disconnect == STOP
    }
    containers = {
        container.name: container
        for container in assignment.containers
        if container.name not in withheld
    }
    return Desired(containers, withheld, assignment.revision)


def only_withheld_stops(desired: Desired, observed: Observed) -> Desired | None:
    """Return what to run so that only withheld containers stop; None if none of them runs.

    For a node that has not asked the state server yet: stopping them cannot wait for an answer,
    and everything else can.
    """
    if not desired.withheld.keys() & observed.keys():
        return None
    stay = {
        name: Container(name, state.image)
        for name, state in observed.items()
        if name not in desired.withheld
    }
    return desired._replace(containers=stay)


def between_s(timings: Profile, slowness: float) -> float:
    """Return how long it takes at most from the end of a pass to the first look of the next."""
    return timings.agent_s + _TIMER_S + _START_S * slowness


def stop_s(slowness: float) -> float:
    """Return how long it takes at most from a look that stops a container to its end."""
    return _SYSTEMCTL_S * slowness + UNIT_STOP_S


def look_s(timings: Profile, slowness: float) -> float:
    """Return the longest time between two looks at the lease.

    The worst that lies between them is one exchange that hangs; or a stop that is waited for,
    because the container is started again from another image, and after that, in a profile that
    polls, the time to the next pass. A profile that waits for news looks again right after.
    """
    restart_s = stop_s(slowness) + _SYSTEMCTL_S * slowness
    next_s = between_s(timings, slowness)
    busy_s = max(restart_s, next_s) if timings.watch_s else restart_s + next_s
    return max(busy_s, timings.agent_timeout_s)


def needed_margin_s(timings: Profile, slowness: float) -> float:
    """Return the margin that the theorem asks of `timings`, as stretched for `slowness`."""
    slow_s = look_s(timings, slowness) + stop_s(slowness)
    return slow_s + 2 * CLOCK_ERROR * (timings.lease_s + slow_s) / (1 - CLOCK_ERROR)
