"""Judge what a demonstration saw. Pure.

Push failing to heal is the expected outcome: that is the lesson. But it must have been seen:
what was looked at too early, or not at all, is unknown.
"""

from typing import NamedTuple

from lab.demo.verdict import (
    RECONCILIATION,
    RESILIENCE,
    SELF_HEALING,
    Outcome,
    Verdict,
    logged,
)

# "Not corrected" is about the whole time: at most this part of it may lack a look at its end.
_TAIL = 0.25


class Drift(NamedTuple):
    """What became of a stray container in one mode.

    seen_s, gone_s: when it was first seen, and first missing after that; None: never.
    last_s: when it was looked for last; None: never. log: the node's journal since the fault.
    """

    node: str
    name: str
    seen_s: float | None
    gone_s: float | None
    last_s: float | None
    observed_s: float
    log: tuple[str, ...]


class Outage(NamedTuple):
    """What one mode did while its API was stopped, and after.

    answered: what was asked of the API and answered all the same.
    survivors: containers that ran at its end. lost: others that ran before, but `killed`.
    dead_s: when `killed`, killed by hand, was first seen not to run; None: never.
    restarted_s: when it ran again during the outage; None: never.
    changed: whether the list of what is wanted was another one after the outage.
    late_s: from the API's return until a container declared then ran; None: never.
    unseen: why the API's return could not be observed; empty: it was.
    """

    answered: tuple[str, ...]
    survivors: tuple[str, ...]
    lost: tuple[str, ...]
    killed: str
    dead_s: float | None
    restarted_s: float | None
    observed_s: float
    log: tuple[str, ...]
    changed: bool = False
    late_s: float | None = None
    unseen: str = ""


class Loss(NamedTuple):
    """What became of the containers of a node whose plug was pulled.

    noticed_s: when the API first said that the node is gone. elsewhere_s: when all victims ran
    on other nodes. missing: victims that ran nowhere at the end of observation. returned: those
    that ran on the node after it came back. doubled: containers then seen on two nodes at once.
    unseen: why the node's return could not be observed to its end; empty: it was.
    """

    node: str
    victims: tuple[str, ...]
    noticed_s: float | None
    elsewhere_s: float | None
    missing: tuple[str, ...]
    observed_s: float
    returned: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    unseen: str = ""


def judge_drift(mode: str, saw: Drift) -> Outcome:
    """Return the outcome of reconciliation in `mode`."""

    def outcome(happened: str, seconds: float | None, verdict: Verdict) -> Outcome:
        return Outcome(RECONCILIATION, mode, happened, seconds, verdict, saw.log)

    stopped = logged(saw.log, "RECONCILIATION") and logged(saw.log, f"STOP {saw.name}")
    if saw.seen_s is None and not stopped:
        return outcome(f"{saw.name} never appeared on {saw.node}", None, Verdict.UNKNOWN)
    if saw.gone_s is None and (saw.last_s or 0.0) < (1 - _TAIL) * saw.observed_s:
        lost_sight = f"{saw.name} was seen, but not whether it stayed to the end"
        return outcome(lost_sight, saw.last_s, Verdict.UNKNOWN)
    if mode == "push":
        if saw.gone_s is not None:
            return outcome(f"{saw.name} vanished", saw.gone_s, Verdict.UNEXPECTED)
        still = f"{saw.name} is listed on {saw.node} and is not corrected"
        return outcome(still, saw.observed_s, Verdict.EXPECTED)
    if saw.gone_s is None:
        return outcome(f"{saw.name} is still there", saw.observed_s, Verdict.UNEXPECTED)
    if not stopped:
        gone = f"{saw.name} is gone, but no agent says that it stopped it"
        return outcome(gone, saw.gone_s, Verdict.UNKNOWN)
    return outcome(f"{saw.node}'s agent stopped {saw.name}", saw.gone_s, Verdict.EXPECTED)


def judge_outage(mode: str, saw: Outage) -> Outcome:
    """Return the outcome of resilience in `mode`."""

    def outcome(happened: str, seconds: float | None, verdict: Verdict) -> Outcome:
        return Outcome(RESILIENCE, mode, happened, seconds, verdict, saw.log)

    if saw.answered:
        return outcome(f"stopped, yet it answered {', '.join(saw.answered)}", None, Verdict.UNKNOWN)
    if not saw.survivors:
        return outcome("no container ran before the outage", None, Verdict.UNKNOWN)
    if saw.lost:
        return outcome(f"lost {', '.join(saw.lost)}", saw.observed_s, Verdict.UNEXPECTED)
    return outcome(*(_push_outage(saw) if mode == "push" else _pull_outage(saw)))


def _push_outage(saw: Outage) -> tuple[str, float | None, Verdict]:
    if saw.restarted_s is not None:
        return f"{saw.killed} came back", saw.restarted_s, Verdict.UNEXPECTED
    if saw.killed in saw.survivors:
        return f"{saw.killed}, killed meanwhile, runs", saw.observed_s, Verdict.UNEXPECTED
    if saw.dead_s is None:
        return f"it was not seen that {saw.killed} died", None, Verdict.UNKNOWN
    dead = f"no list, no start, no stop; {saw.killed}, killed meanwhile, stays dead"
    return dead, saw.observed_s, Verdict.EXPECTED


def _pull_outage(saw: Outage) -> tuple[str, float | None, Verdict]:
    if saw.restarted_s is None:
        return f"{saw.killed} stayed dead", saw.observed_s, Verdict.UNEXPECTED
    if not logged(saw.log, "API unreachable, using local state"):
        return "no agent says that it used its local state", saw.restarted_s, Verdict.UNKNOWN
    if saw.unseen:
        return f"the API's return was not seen: {saw.unseen}", saw.restarted_s, Verdict.UNKNOWN
    if saw.changed:
        return "the list of what is wanted changed", saw.restarted_s, Verdict.UNEXPECTED
    if saw.late_s is None:
        return "the agents did not re-synchronise", saw.restarted_s, Verdict.UNEXPECTED
    said = f"agents kept all running and restarted {saw.killed} from local state"
    return f"{said}; re-synchronised in {saw.late_s:.1f} s", saw.restarted_s, Verdict.EXPECTED


def judge_loss(mode: str, saw: Loss) -> Outcome:
    """Return the outcome of self-healing in `mode`."""

    def outcome(happened: str, seconds: float | None, verdict: Verdict) -> Outcome:
        noticed = () if saw.noticed_s is None else (f"noticed after {saw.noticed_s:.1f} s",)
        return Outcome(SELF_HEALING, mode, happened, seconds, verdict, noticed)

    if not saw.victims:
        return outcome(f"nothing ran on {saw.node}", None, Verdict.UNKNOWN)
    if saw.noticed_s is None:
        return outcome(f"the API never said that {saw.node} is gone", None, Verdict.UNKNOWN)
    return outcome(*(_push_loss(saw) if mode == "push" else _pull_loss(saw)))


def _push_loss(saw: Loss) -> tuple[str, float | None, Verdict]:
    victims = ", ".join(saw.victims)
    if saw.elsewhere_s is not None or saw.returned or set(saw.missing) != set(saw.victims):
        return f"not all of {victims} stayed lost", saw.elsewhere_s, Verdict.UNEXPECTED
    if saw.unseen:
        unseen = f"{saw.node}'s return was not seen: {saw.unseen}"
        return f"{victims} lost, but {unseen}", saw.observed_s, Verdict.UNKNOWN
    lost = f"{saw.node} is unreachable; {victims} lost, not started elsewhere"
    return lost, saw.observed_s, Verdict.EXPECTED


def _pull_loss(saw: Loss) -> tuple[str, float | None, Verdict]:
    victims = ", ".join(saw.victims)
    if saw.elsewhere_s is None or saw.missing:
        missing = ", ".join(saw.missing) or victims
        return f"{missing} not running elsewhere", saw.observed_s, Verdict.UNEXPECTED
    if saw.doubled:
        twice = f"run twice since {saw.node} is back: {', '.join(saw.doubled)}"
        return twice, saw.elsewhere_s, Verdict.UNEXPECTED
    if saw.unseen:
        unseen = f"{saw.node}'s return was not seen: {saw.unseen}"
        return f"{victims} run on other nodes, but {unseen}", saw.elsewhere_s, Verdict.UNKNOWN
    moved = f"{victims} run on other nodes; no duplicate when {saw.node} came back"
    return moved, saw.elsewhere_s, Verdict.EXPECTED
