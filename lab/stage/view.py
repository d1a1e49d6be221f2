"""The view: all that the page shows, as keys and values. Pure.

Flat, so that two views differ in some keys: that is what is sent. docs/stage.md lists the keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.experiment.check.timeline import HALTED
from lab.faults.catalogue import CATALOGUE
from lab.history.record import Record
from lab.stage.differences import Differences
from lab.stage.fold import Fold
from lab.stage.window import WINDOW_S, Strip, Window, begin_s

View = dict[str, Any]
# An undone fault stays on its machine so long.
_UNDONE_S = 10.0
# Bars are drawn at most so often; everything else at once.
_DRAW_S = 1.0


class Show:
    """Folds records into views. recorded: it plays what was, as the page says."""

    def __init__(self, *, recorded: bool, damage: Sequence[str] = ()) -> None:
        self.fold = Fold(damage)
        self._recorded = recorded
        self._differences = Differences()
        self._window = Window()
        self._strips: dict[tuple[str, str], list[Strip]] = {}
        self._drawn_s = -_DRAW_S
        self._drawn: object = None

    def add(self, record: Record) -> None:
        """Take one record more. Never raises."""
        if self.fold.add(record):
            self._window.add(record)
            self._differences.note(self.fold)

    def view(self, now_s: float) -> View:
        """Return what is to be shown at now_s, by the run's clock; empty before it has begun."""
        fold = self.fold
        if not fold.begin:
            return {}
        found: View = {"run": _run(fold, recorded=self._recorded)}
        found |= {f"machine/{name}": state for name, state in fold.machines.items()}
        found |= {f"heard/{name}": round(at_s, 2) for name, at_s in fold.heard.items()}
        for mode in fold.modes:
            found |= self._mode(mode, now_s)
        found |= {f"lease/{n}": {"until_s": round(s, 2)} for n, s in fold.leases.items()}
        found |= {f"fault/{i}": one for i, one in _faults(fold).items() if _shown(one, now_s)}
        found |= {f"event/{number}": one for number, one in fold.events.items()}
        found |= {key: one for key, one in (("step", fold.step), ("human", fold.human)) if one}
        return found | self._bars(now_s)

    def _mode(self, mode: str, now_s: float) -> View:
        fold = self.fold
        differs = self._differences.lasting(fold, mode, now_s)
        found: View = {f"differs/{mode}": [one._asdict() for one in differs]}
        if mode in fold.wanted:
            found[f"wanted/{mode}"] = list(fold.wanted[mode])
        if mode in fold.claims:
            found[f"claims/{mode}"] = _claims(fold, mode)
        for node in fold.nodes:
            found[f"runs/{mode}/{node}"] = {
                "containers": list(fold.running(mode, node)),
                "known": fold.known(mode, node, now_s),
                "frozen": list(_frozen(fold, mode, node)),
            }
        return found

    def _bars(self, now_s: float) -> View:
        fold = self.fold
        known = [fold.known(mode, node, now_s) for mode in fold.modes for node in fold.nodes]
        silent = [fold.silent(mode, now_s) for mode in fold.modes]
        drawn = (self._window.news, begin_s(now_s), known, silent)
        if drawn != self._drawn and now_s - self._drawn_s >= _DRAW_S:
            self._drawn, self._drawn_s = drawn, now_s
            halted = [name for name, state in fold.machines.items() if state in HALTED]
            self._strips = self._window.strips(fold.heard, halted, fold.listed, now_s)
        faults = [
            [one["fault"], one["target"], one["from_s"], one["to_s"]]
            for one in _faults(fold).values()
            if one["to_s"] is None or one["to_s"] > now_s - WINDOW_S
        ]
        lanes = {f"bars/{mode}/{lane}": strips for (mode, lane), strips in self._strips.items()}
        return {**lanes, "bars/faults": faults}


def delta(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[View, list[str]]:
    """Return the keys of `after` that are new or another value, and those that are gone."""
    changed = {k: v for k, v in after.items() if k not in before or before[k] != v}
    return changed, sorted(before.keys() - after.keys())


def _run(fold: Fold, *, recorded: bool) -> View:
    begin = fold.begin
    experiment = begin["experiment"] if isinstance(begin["experiment"], dict) else {}
    return {
        "name": str(experiment.get("name", "")),
        "title": str(experiment.get("title", "")),
        "recorded": recorded,
        "ended": fold.ended,
        "modes": list(fold.modes),
        "nodes": list(fold.nodes),
        "api": str(begin["api"]),
        "seed": begin["seed"],
        "profile": str(begin["profile"].get("name", "")),
        "lease_s": begin["profile"]["lease_s"],
        "began": str(begin["at"]),
        "damage": list(fold.damage),
    }


def _claims(fold: Fold, mode: str) -> View:
    claim = fold.claims[mode]
    return {
        "ok": claim.ok,
        "error": claim.error,
        "at_s": round(claim.at_s, 2),
        "placed": dict(claim.placed),
        "listed": [list(pair) for pair in claim.placed],
        "running": list(claim.running) if mode == "pull" else None,
        "nodes": dict(claim.nodes),
    }


def _frozen(fold: Fold, mode: str, node: str) -> Sequence[str]:
    paused = fold.machines.get(node) == "paused"
    return fold.runs.get((mode, node), ()) if paused else ()


def _faults(fold: Fold) -> View:
    return {number: {**one, "words": _words(one["fault"])} for number, one in fold.faults.items()}


def _words(fault: str) -> str:
    return CATALOGUE[fault].summary if fault in CATALOGUE else fault


def _shown(fault: Mapping[str, Any], now_s: float) -> bool:
    return fault["to_s"] is None or now_s - fault["to_s"] <= _UNDONE_S
