"""What a speaker says, does and expects, step by step; and how much of each deadline was left."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from lab.demo.cue import Desk, Excerpt
from lab.experiment.pace import Unattended, Waited
from services.core.errors import LabError

LANGUAGES = ("en", "fr")
_TALKS = Path(__file__).parent / "talks"
# What a keyboard or a clicker sends to go on: Enter, space, PageDown, and the arrows to the right
# and down in both forms that terminals have. Not Escape: some clickers send it for their slides.
_ON = ("\r", "\n", " ", "\x1b[6~", "\x1b[C", "\x1bOC", "\x1b[B", "\x1bOB")
_STOP = "\x03"
_WORDS = {
    "en": {
        "say": "SAY", "do": "DO", "expect": "EXPECT",
        "missed": "pull is not done after {:.0f} s.  w: wait on   r: reset, and play this step "
        "again   {}Enter: go on",
        "recorded": "p: play this step as it was recorded   ",
        "plays": "The stage plays what was recorded: {}. The next key makes it live again.",
    },
    "fr": {
        "say": "DIRE", "do": "FAIRE", "expect": "ATTENDU",
        "missed": "pull n'a pas terminé au bout de {:.0f} s.  w : attendre encore   "
        "r : réinitialiser et rejouer cette étape   {}Entrée : continuer",
        "recorded": "p : montrer l'étape enregistrée   ",
        "plays": "La scène montre un enregistrement : {}. La prochaine touche ramène au direct.",
    },
}  # fmt: skip


class StartOver(LabError):
    """The speaker plays the demonstration again, on a lab that was reset."""


class Line(NamedTuple):
    """What belongs to one step, in one language; expect may be empty."""

    say: str
    expect: str


class Slack(NamedTuple):
    """One wait for pull. took_s: None: it did not come in time."""

    demonstration: str
    step: str
    took_s: float | None
    limit_s: float


def load(experiment: str, language: str) -> dict[str, Line]:
    """Return step -> line of the talk about `experiment`; empty where there is none."""
    file = _TALKS / f"{experiment}.yaml"
    if not file.exists():
        return {}
    return {
        entry["step"]: Line(entry["say"][language], entry.get("expect", {}).get(language, ""))
        for entry in yaml.safe_load(file.read_text())
    }


class Rehearsal(Unattended):
    """Goes on at once. waits: where it adds what each wait for pull took."""

    def __init__(self, demonstration: str, waits: list[Slack]) -> None:
        self._demonstration = demonstration
        self._waits = waits

    def again(self, step: str, waited: Waited) -> bool:
        """Take note of what pull needed, and do not wait again."""
        if "pull" in waited.took_s:
            took_s = waited.took_s["pull"]
            self._waits.append(Slack(self._demonstration, step, took_s, waited.limit_s))
        return False


class Presenter:
    """A Pace that shows the talk, and goes on when the speaker presses a key.

    show: prints a text. desk: where keys come from, and who is told what is shown. recorded:
    returns where a step was recorded, or None. resume: the step at which it stops first, as those
    before it were shown already; "" stops at each.
    """

    def __init__(
        self,
        talk: Mapping[str, Line],
        language: str,
        show: Callable[[str], None],
        desk: Desk,
        recorded: Callable[[str], Excerpt | None],
        resume: str = "",
    ) -> None:
        self._talk = talk
        self._words = _WORDS[language]
        self._show = show
        self._desk = desk
        self._recorded = recorded
        # A step that the talk does not have any more would never come.
        self._resume = resume if resume in talk else ""

    def before(self, step: str, command: Callable[[], str]) -> None:
        """Show what to say, the command and what to expect; return at the next key.

        A step that the talk does not name begins at once. Raises KeyboardInterrupt at Ctrl-C.
        """
        line = self._talk.get(step)
        if step == self._resume:
            self._resume = ""
        if line and not self._resume:
            self._stop(step, line, command())
        self._desk.tell(step=step, keys=())

    def _stop(self, step: str, line: Line, command: str) -> None:
        steps = list(self._talk)
        later = steps[steps.index(step) + 1 :]
        then = self._talk[later[0]].say if later else ""
        said = {"say": line.say, "command": command, "expect": line.expect, "then": then}
        # What is shown can be gone on with, also after a crash in that moment.
        self._desk.tell(stop=step, step=step, keys=("on",), **said)
        parts = (("say", line.say), ("do", command), ("expect", line.expect))
        rows = [f"{self._words[what]:<10}{text}" for what, text in parts if text]
        self._show("\n" + "\n".join(rows))
        self._press(_ON)

    def again(self, step: str, waited: Waited) -> bool:
        """Ask the speaker what to do if pull missed its deadline. Raises StartOver."""
        if waited.took_s.get("pull", 0.0) is not None or self._resume:
            return False
        key = self._ask(waited.limit_s, self._recorded(step))
        self._desk.tell(keys=(), missed_s=None, recorded=None)
        if key == "r":
            self._resume = self._desk.cue.stop
            raise StartOver(f"the speaker starts over at {step!r}")
        return key == "w"

    def _ask(self, limit_s: float, recorded: Excerpt | None) -> str:
        """Return the key that answers a missed deadline. recorded: what `p` shows on the stage."""
        offered = ("wait", "reset", *(("recorded",) if recorded else ()), "on")
        self._desk.tell(keys=offered, missed_s=limit_s)
        more = self._words["recorded"] if recorded else ""
        self._show(self._words["missed"].format(limit_s, more))
        if not recorded:
            return self._press(("w", "r", *_ON))
        while (key := self._press(("w", "r", "p", *_ON))) == "p":
            # A second tap must not begin it again; the keyboard's p does.
            self._desk.tell(recorded=recorded, keys=("wait", "reset", "on"))
            self._show(self._words["plays"].format(recorded.folder))
        return key

    def _press(self, keys: Sequence[str]) -> str:
        try:
            while (key := self._desk.key()) not in keys:
                if key == _STOP:
                    raise KeyboardInterrupt
        except EOFError:
            # Ctrl-D, or a terminal that is gone.
            raise KeyboardInterrupt from None
        return key
