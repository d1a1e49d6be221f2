"""Make docs/stage.png: `python -m tests.stage.screenshots [RUN]`, of a recorded node failure.

RUN: a folder, or an experiment's name; without it the latest `lab run node-failure`.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from lab.report import runs
from lab.stage.source import Replay
from lab.stage.view import Show
from tests.house.repository import ROOT
from tests.stage.browsing import Stage, browser

PICTURE = ROOT / "docs" / "stage.png"
# Both lanes have said what came of it, and the lease still counts.
AFTER_S = 5.0


def moment(replay):
    """The first time at which push has lost containers and pull has all of them again."""
    show = Show(recorded=True)
    lost = False
    for record in replay.due()[1]:
        show.add(record)
        view = show.view(record.at_s)
        kinds = {
            mode: {one["kind"] for one in view.get(f"differs/{mode}", ())}
            for mode in ("push", "pull")
        }
        lost = lost or "gone" in kinds["pull"]
        if lost and "gone" in kinds["push"] and not kinds["pull"]:
            return record.at_s
    raise SystemExit("in this run push has lost nothing, or pull has repaired nothing")


def main(run):
    folder = runs.histories(runs.find(run))[0]
    replay = Replay(folder)
    replay.move(1e9, None, None)
    replay.move(moment(replay) + AFTER_S, paused=True, speed=None)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        browser(Path(profile)) as page,
        Stage(replay) as stage,
    ):
        page.tab.resize(1280, 720)
        page.open(stage.url(lang="en"))
        page.says(".headline.good", "moved")
        page.says(".headline.bad", "gone")
        page.wait("document.getAnimations().length === 0", "nothing moves")
        picture = Image.open(io.BytesIO(page.tab.picture()))
    # 256 colours are enough, and half of the bytes.
    picture.quantize(dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    print(f"{PICTURE}: {size // 1000} kB, second {replay.now_s():.1f} of {folder}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["node-failure"]))
