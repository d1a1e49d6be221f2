"""The stage over the live lab: a container that runs, and a machine that stands still."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lab.host.speed import deadline_s
from tests.stage.serving import Page
from tests.vm.conftest import LAB, ROOT
from tests.vm.test_paused import NODE, paused

pytestmark = pytest.mark.vm


class Shown:
    """What a page shows: the snapshot, and every delta since."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.view: dict = {}
        self.at_s = 0.0

    def until(self, seen: Callable[[dict], object], what: str, seconds_on_kvm: float) -> None:
        """Return once `seen` of the view is true."""
        limit_s = time.monotonic() + deadline_s(seconds_on_kvm)
        while not (self.view and seen(self.view)):
            assert time.monotonic() < limit_s, f"never shown: {what}; last: {self.view}"
            kind, _, data = self.page.event()
            self.at_s = data["at_s"]
            if kind == "snapshot":
                self.view = data["view"]
            else:
                gone = data["gone"]
                self.view = {k: v for k, v in self.view.items() if k not in gone} | data["set"]


@contextmanager
def opened() -> Iterator[Shown]:
    """`lab stage` over the live lab, and one page of it."""
    argv = [*LAB, "stage", "--port", "0"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        url = re.compile(r"http://localhost:(\d+)/\?token=([\w-]+)")
        found = next(found for line in lines if (found := url.match(line)))
        page = Page(int(found[1]), token=found[2])
        try:
            yield Shown(page)
        finally:
            page.close()
            process.terminate()
            process.communicate(timeout=60)


def here(mode: str) -> str:
    return f"runs/{mode}/{NODE}"


def runs(mode: str) -> Callable[[dict], bool]:
    return lambda view: view[here(mode)]["containers"] == ["on-stage"] and view[here(mode)]["known"]


def wants(mode: str) -> Callable[[dict], bool]:
    return lambda view: view[f"wanted/{mode}"] == ["on-stage"]


def test_what_is_declared_appears_and_a_machine_that_stands_still_is_shown(stage, lab):
    with opened() as shown:
        keys = [f"runs/{mode}/{n.name}" for mode in ("push", "pull") for n in lab.nodes]
        shown.until(lambda view: all(view[key]["known"] for key in keys), "all is known", 20)
        stage.pull.declare("on-stage", NODE)
        stage.push.start("on-stage", NODE)
        for mode in ("push", "pull"):
            shown.until(runs(mode), f"{mode} runs it", 20)
            shown.until(wants(mode), f"it is wanted in {mode}", 10)
        with paused(lab):
            began_s = time.monotonic()
            shown.until(lambda view: view[f"machine/{NODE}"] == "paused", "it stands still", 10)
            print(f"shown {time.monotonic() - began_s:.2f} s after virsh suspend had returned")
            assert shown.view[here("push")] == {
                "containers": [],
                "known": True,
                "frozen": ["on-stage"],
            }
        shown.until(runs("push"), "it goes on", 20)
