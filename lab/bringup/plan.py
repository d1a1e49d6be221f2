"""Decide how the lab comes up: from what was found and what is asked for to steps. Pure.

lab.bringup.look finds, lab.bringup.perform performs.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from services.core.errors import LabError
from services.core.profiles import DEFAULT_PROFILE

MODES = {"push": ("push",), "pull": ("pull",), "both": ("push", "pull")}

NO_BOX = "it is not in the cache"
GROUND = "machines need them"
REPLACES = "asked for, in place of every machine there is"
NO_MACHINE = "no machine exists, and a new lab would be made of the same"
UNFINISHED = "an earlier thaw of it did not finish"
MIXED = "a thaw did not finish: the machines are of two states of the lab"
ABSENT = "absent"
OFF = "off"
PAUSED = "paused"
RUNNING = "running, but perhaps still booting"
STOOD_STILL = "machines that existed before may have been paused"
BY_THEMSELVES = "new machines start them at their first boot"
AFTER_ANSWERS = "the box has this code; checked last, because a check needs a login"
DIFFERENT = "the machines may have other code, another profile or other tokens"
OTHER_MODE = "the machines may run another mode"
USERS = "this is what users wait for"
NEXT_TIME = "nothing is declared in it yet; the next `lab up` and `lab reset` thaw it"


class Act(Enum):
    """What a step does, of `lab up`, `reset`, `thaw` or `heal`."""

    BUILD = "build the box"
    PREPARE = "prepare networks, keys and settings"
    THAW = "verify and thaw"
    DELETE = "delete"
    CREATE = "create"
    BOOT = "boot"
    RESUME = "resume"
    REACH = "log in to"
    CLOCKS = "set clocks that are wrong on"
    WAIT = "wait a moment for"
    CHECK = "check that code and tokens are up to date on"
    UPDATE = "update code, profile and tokens on"
    SWITCH = "switch the mode to"
    ANSWER = "wait until all nodes answer in"
    SAVE = "save the initial lab"
    LIBVIRT = "start libvirt"
    GIVE_UP = "leave alone"
    START = "start what the modes need on"
    UNDO = "undo"
    SWEEP = "look for traces of faults on"
    PORTS = "listen on localhost for"
    TIDY = "delete what killed saves left:"


class Step(NamedTuple):
    """One thing to do, on or with `names`, and why."""

    act: Act
    names: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{self.act.value} {', '.join(self.names)}".rstrip() + f": {self.reason}"


SAVE = Step(Act.SAVE, (), NEXT_TIME)


class Saved(NamedTuple):
    """A saved lab that may be thawed. modes, profile: what it ran; initial: saved by `lab up`."""

    folder: Path
    modes: tuple[str, ...]
    profile: str
    initial: bool


class Found(NamedTuple):
    """What there is on this computer.

    states: machine of the topology -> running, paused, off or absent. unknown: other machines of
    the lab. changed: whether the topology has changed since these machines were created. our_code:
    whether the box contains this checkout's code. initial: the initial lab, if it is made of what
    a new one would be made of. cut_short: whether a thaw did not finish; unfinished: what it
    thawed, if that can be read. saves: whether machines of this kind can be saved at all.
    """

    states: Mapping[str, str]
    unknown: Collection[str] = ()
    changed: bool = False
    box: bool = True
    our_code: bool = True
    initial: Saved | None = None
    cut_short: bool = False
    unfinished: Saved | None = None
    saves: bool = True


class Asked(NamedTuple):
    """What the user asks for. cold: thaw nothing; replace: use no machine that exists."""

    mode: str
    profile: str
    cold: bool = False
    replace: bool = False


def decide(found: Found, asked: Asked) -> tuple[Step, ...]:
    """Return all steps that lead from `found` to what is asked for, in order; see `machines`."""
    return (*ground(found), *machines(found, asked))


def ground(found: Found) -> tuple[Step, ...]:
    """Return the steps that touch no machine of this lab: what machines stand on."""
    build = () if found.box else (Step(Act.BUILD, (), NO_BOX),)
    return (*build, Step(Act.PREPARE, (), GROUND))


def machines(found: Found, asked: Asked) -> tuple[Step, ...]:
    """Return the steps after `ground`. Raises LabError where only `lab down` helps."""
    exist = tuple(name for name, state in found.states.items() if state != "absent")
    if found.changed and not asked.replace and (exist or found.unknown):
        raise LabError(
            "topology.json has changed since the machines were created, and they know each other "
            "as it was",
            hint="undo the change; or delete the machines and what is declared in them: lab down",
        )
    thaw = _thaw(found, asked, exist)
    if thaw is not None:
        return _thawed(*thaw, found, asked)
    replace = asked.replace or found.cut_short
    if exist and not replace:
        clocks = Step(Act.CLOCKS, exist, STOOD_STILL)
        return (*reach(found.states), *_settle(found, asked), clocks, _answer(asked))
    absent = dict.fromkeys(found.states, "absent")
    delete = [Step(Act.DELETE, exist, REPLACES if asked.replace else MIXED)] if exist else []
    save = [SAVE] if found.saves else []
    return (*delete, *reach(absent), *_new(found, asked), _answer(asked), *save)


def saved(folder: Path, modes: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps that replace all machines by the saved lab in `folder`.

    modes: those whose APIs answered when it was saved.
    """
    answer = (Step(Act.ANSWER, modes, USERS),) if modes else ()
    return (Step(Act.THAW, (str(folder),), REPLACES), *answer)


def _thaw(found: Found, asked: Asked, exist: tuple[str, ...]) -> tuple[Saved, str] | None:
    """Which saved lab is thawed, and why; None: the machines boot."""
    if asked.cold:
        return None
    if found.unfinished and not asked.replace:
        return found.unfinished, UNFINISHED
    if found.initial and (asked.replace or not exist):
        return found.initial, REPLACES if exist else NO_MACHINE
    return None


def _thawed(lab: Saved, why: str, found: Found, asked: Asked) -> tuple[Step, ...]:
    thaw = Step(Act.THAW, (str(lab.folder),), why)
    if (lab.modes, lab.profile) == (MODES[asked.mode], asked.profile):
        return (thaw, _answer(asked))
    save = [SAVE] if lab.initial else []
    return (thaw, *_settle(found, asked), _answer(asked), *save)


def reach(states: Mapping[str, str], absent: Act = Act.CREATE) -> tuple[Step, ...]:
    """Return the steps after which every machine answers. absent: for one that does not exist."""
    acts = {
        "absent": (absent, ABSENT),
        "off": (Act.BOOT, OFF),
        "paused": (Act.RESUME, PAUSED),
        "running": (Act.REACH, RUNNING),
    }
    names = {found: tuple(n for n, state in states.items() if state == found) for found in acts}
    return tuple(Step(act, names[s], why) for s, (act, why) in acts.items() if names[s])


def _new(found: Found, asked: Asked) -> tuple[Step, ...]:
    """The steps after the boot of new machines. The box has one profile only."""
    if found.our_code and asked.profile == DEFAULT_PROFILE:
        wait = Step(Act.WAIT, MODES[asked.mode], BY_THEMSELVES)
        return (wait, Step(Act.CHECK, tuple(found.states), AFTER_ANSWERS))
    return _settle(found, asked)


def _settle(found: Found, asked: Asked) -> tuple[Step, ...]:
    update = Step(Act.UPDATE, tuple(found.states), DIFFERENT)
    return (update, Step(Act.SWITCH, (asked.mode,), OTHER_MODE))


def _answer(asked: Asked) -> Step:
    return Step(Act.ANSWER, MODES[asked.mode], USERS)
