"""Decide whether a container that must never run twice may run on a node that is cut off.

Every answer of the state server that an agent follows grants a lease on what was answered. When
the lease has run out, the agent stops containers with on_disconnect STOP; those with KEEP run on.

THEOREM. A container with STOP never runs on two nodes. What that needs, and where it is seen to:

1. Heard. The server counts on a node to stop a container only if the node said that it acted on an
   assignment that says STOP. It places it elsewhere when the node has said, under a newer
   assignment, that it does not run it; or when 2 to 4 say that it cannot (at_most_once.py).
2. Time. Let the agent send the last exchange that was answered at t_sent, and the server receive it
   at t_received >= t_sent. The agent begins to stop at the latest at t_sent + lease + look, by its
   clock, and nothing of it runs `stop` later. The server places the container elsewhere not before
   t_received + lease + margin, by its own clock; margin >= look + stop + what the clocks of both
   gain on each other meanwhile.
3. Goodbye. A node that shuts down has no agent any more. Once the server has answered its goodbye,
   it waits for leaving_s at most, and for exchanges, and then all that runs there ends within
   `stop`; so the server waits for leaving_s + margin, if that is longer. Without that answer the
   node does not wait.
4. Longest. A lease that was granted may be longer than those of today: by a server with another
   profile, or before a restart. Each node is judged by the longest one that has not run out.
5. Memory. An agent reports an assignment only after it has stored it: on disk, or in memory until
   the next boot. What only an older generation names is not started, and what is withheld of it is
   stopped (services/agent/memory.py).
6. Names. One machine speaks for a node at a time. Another one is refused until the first must have
   stopped everything (services/state/said.py). The server recognises a machine by its boot and when
   that was; so one that boots just then, or after a restart of the server, passes for the first.

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

Where it ends: a machine that is paused stops nothing meanwhile, and no margin is long enough for
every pause. The clock that a battery drives goes on, so the first look after it stops what must
stop, before anything is asked; until then it runs twice. (When the whole host was suspended, so
that nothing moved, the next answer starts it again.) And an agent has to look: a node whose
agent a person has stopped keeps no promise. Moves between two nodes that both reach the server, by
hand or by a drain, need no lease: the old node stops the container when its assignment says so.

tests/core/test_worlds.py tries every order of events in a small world, with each term and without.
"""

from typing import NamedTuple

from services.core.model import STOP, Assignment, Desired, Observed
from services.core.profiles import Profile

CUT_OFF = "cut off for {silent_s:.1f} s, lease {lease_s:g} s, on_disconnect stop"
NEVER_HEARD = "cut off since this node booted, on_disconnect stop"
NO_LEASE = "the state server grants no lease, on_disconnect stop"

CLOCK_ERROR = 0.001
# Of a clock that shows whole seconds.
_WORLD_ERROR_S = 1
# TimeoutStopSec= of provisioning/systemd/container@.service.in; SIGKILL then ends what is left.
UNIT_STOP_S = 3.0
# RandomizedDelaySec= and AccuracySec= of pull-agent.timer.
_TIMER_S = 0.25
# On an ordinary machine; a machine that is slower by a factor needs that much longer. Measured
# under emulation, at a slowness of 8: 0.1 s to queue a job, 0.4 s for a whole pass.
_SYSTEMCTL_S = 0.02
_START_S = 0.05


class Moment(NamedTuple):
    """A moment by two clocks of one machine.

    boot_s: monotonic, and runs through a suspend. world_s: in whole seconds, of the clock that a
    battery drives; it runs also while the machine is paused. 0 without such a clock.
    """

    boot_s: float
    world_s: int = 0

    def since_s(self, then: "Moment") -> float:
        """Return how long ago `then` was, at least: the clock that saw more time is right."""
        by_world_s = self.world_s - then.world_s - _WORLD_ERROR_S if then.world_s else 0.0
        return max(self.boot_s - then.boot_s, by_world_s)


class Lease(NamedTuple):
    """How long an answer of the server holds. sent_at: when the agent sent the request.

    epoch, revision: of the assignment that was answered, see Assignment.
    """

    sent_at: Moment
    lease_s: float
    epoch: str = ""
    revision: int = 0


class Terms(NamedTuple):
    """What a state server grants its nodes, in seconds: of its profile, see Profile."""

    lease_s: float
    stop_margin_s: float = 0.0
    leaving_s: float = 0.0

    @property
    def hold_s(self) -> float:
        """After how much silence a node has stopped what must not run twice."""
        return self.lease_s + self.stop_margin_s

    @property
    def leaving_hold_s(self) -> float:
        """The same of one that said goodbye; longer, for its agent has ended."""
        return max(self.lease_s, self.leaving_s) + self.stop_margin_s


def longest_s(granted_s: float, earlier_s: float, silent_s: float) -> float:
    """Return how long a node may keep such a container when it is granted `granted_s` now.

    earlier_s: what it was granted `silent_s` before: the answer of now may be lost.
    """
    return max(granted_s, earlier_s - silent_s)


def cut_off(lease: Lease | None, now: Moment) -> str:
    """Return why containers with STOP must not run `now`; "" while the lease holds.

    lease: None if no server answered since the node booted. A lease from the future counts as
    none: another clock made it. Total function; it never raises.
    """
    if lease is None or lease.sent_at.boot_s > now.boot_s:
        return NEVER_HEARD
    if not lease.lease_s:
        return NO_LEASE
    silent_s = now.since_s(lease.sent_at)
    if silent_s < lease.lease_s:
        return ""
    return CUT_OFF.format(silent_s=silent_s, lease_s=lease.lease_s)


def may_run(assignment: Assignment | None, reason: str, *, newest: bool = True) -> Desired:
    """Return what may run of `assignment`: all of it, unless there is a `reason` of cut_off.

    Then containers with STOP are withheld for that reason. Without an assignment nothing is known.
    newest: whether the node was told nothing newer. Else it is not known what must run, and of
    `assignment` only what is withheld still matters. Total function; it never raises.
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
    return Desired(containers if newest else None, withheld, assignment.revision)


def only_withheld_stops(desired: Desired, observed: Observed) -> Desired | None:
    """Return what to run so that only withheld containers stop; None if none of them runs.

    For a node that has not asked the state server yet: stopping them cannot wait for an answer,
    and everything else can.
    """
    if desired.withheld.keys() & observed.keys():
        return desired._replace(containers=None)
    return None


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
