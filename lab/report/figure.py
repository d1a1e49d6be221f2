"""The figure: one lane a node, push above pull, on one linear axis of time. matplotlib draws it.

The same timeline gives the same bytes: no date, no random ids, matplotlib's own font and settings.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.experiment.check.finding import VERDICTS
from lab.experiment.check.judge import Judgement
from lab.report.bars import API, WORDS, Bar, FaultBar, bars, fault_bars, shown
from services.core.errors import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# 1920 x 1080 pixels at 150 to the inch: a slide.
SIZE, DPI = (12.8, 7.2), 150
_POINTS, _LEAST_POINTS = 16, 6
# Of a fault's bar: so many letters fit beside it.
_WORDS = 40


class Paint(NamedTuple):
    """A colour of Okabe and Ito's, which colour-blind people can tell apart, and a pattern."""

    colour: str
    pattern: str = ""
    text: str = "black"


# Lines alone: a pattern of dots makes an SVG ten times as long.
LOOKS: Mapping[str, Paint] = MappingProxyType(
    {
        "runs": Paint("#56B4E9"),
        "gone": Paint("#D55E00", "//"),
        "twice": Paint("#E69F00", "xx"),
        "stray": Paint("#CC79A7", "--"),
        "unknown": Paint("#EEEEEE", "/"),
        "off": Paint("#999999", "\\\\"),
        "paused": Paint("#CCCCCC", "|"),
        "silent": Paint("#0072B2", "++", "white"),
        "lie": Paint("#F0E442", "-"),
        "fault": Paint("#000000", "", "white"),
    }
)
_RC: "dict[Any, Any]" = {
    "svg.hashsalt": "pushpull-lab",
    "font.size": _POINTS,
    "font.sans-serif": ["DejaVu Sans"],
    "hatch.linewidth": 0.8,
    # Names come from a file: `$` is a character, and no formula.
    "text.parse_math": False,
}


class Strip(NamedTuple):
    """Where a bar is, in seconds and in lanes; what it is, and its id in the SVG."""

    from_s: float
    to_s: float
    top: float
    height: float
    what: str
    gid: str


class Drawing(NamedTuple):
    """The figure in three forms. page: SVG whose letters are text. span: where time begins and
    ends in it, in parts of its width; bars and faults have the ids bar-N and fault-N."""

    svg: str
    png: bytes
    page: str
    span: tuple[float, float]


def draw(judgement: Judgement) -> Drawing:
    """Return the figure of a run."""
    with _settings():
        figure, axes = _figure(judgement)
        box = axes.get_position()
        svg, page = (_svg(figure, fonts) for fonts in ("path", "none"))
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    return Drawing(svg, png.getvalue(), page, (float(box.x0), float(box.x1)))


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # Letters that the font has not are boxes, as they are in a terminal.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def _svg(figure: "Figure", fonts: str) -> str:
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": fonts}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _figure(judgement: Judgement) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    timeline = judgement.timeline
    figure = Figure(figsize=SIZE)
    faults, drawn = fault_bars(timeline), bars(timeline)
    heights = [max(1, len(faults)) * 0.6, *[len(timeline.nodes) + 0.6 for _ in timeline.modes]]
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    figure.subplots_adjust(left=0.13, right=0.985, top=0.9, bottom=0.19, hspace=0.28)
    from_s, to_s = shown(timeline)
    axes[0].set_xlim(from_s, max(to_s, from_s + 1.0))
    _faults(axes[0], faults)
    first = 0
    for one, result in zip(axes[1:], judgement.modes, strict=True):
        of_mode = [bar for bar in drawn if bar.mode == result.mode]
        _mode(one, timeline.nodes, of_mode, first)
        first += len(of_mode)
        title = f"{result.mode}: {VERDICTS[result.verdict]}"
        one.set_title(printable(title), loc="left", fontsize=_POINTS, fontweight="bold", pad=4)
    axes[-1].set_xlabel("seconds since the run began")
    kinds = [what for what in LOOKS if what in {bar.what for bar in drawn}]
    patches = [_patch(Patch, what) for what in kinds]
    figure.legend(handles=patches, loc="lower center", ncols=5, frameon=False, fontsize=_POINTS - 2)
    title = f"{judgement.name}: {VERDICTS[judgement.verdict]}"
    figure.suptitle(printable(title)[:80], fontsize=_POINTS + 4, fontweight="bold", y=0.985)
    return figure, axes[0]


def _patch(patch: type, what: str) -> object:
    look = LOOKS[what]
    return patch(
        facecolor=look.colour, hatch=look.pattern * 2, edgecolor="black", label=WORDS[what]
    )


def _faults(axes: "Axes", faults: Sequence[FaultBar]) -> None:
    axes.set_ylim(max(1, len(faults)), 0)
    axes.set_yticks([0.5 * max(1, len(faults))], ["fault"])
    axes.tick_params(bottom=False, left=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    for number, bar in enumerate(faults):
        strip = Strip(bar.from_s, bar.to_s, number + 0.05, 0.9, "fault", f"fault-{number}")
        _paint(axes, strip)
        words = (f"{bar.fault} {bar.target}"[:_WORDS],)
        _write(axes, strip, words, (bar.from_s, bar.to_s), beside=True)


def _mode(axes: "Axes", nodes: Sequence[str], drawn: Sequence[Bar], first: int) -> None:
    """Draw the lanes of one mode. first: the number of its first bar."""
    lanes = [*nodes, API]
    # The API's lane is half as high.
    tops = {lane: float(number) for number, lane in enumerate(lanes)}
    heights = {**dict.fromkeys(nodes, 0.9), API: 0.5}
    axes.set_ylim(len(nodes) + 0.6, -0.05)
    ticks = [tops[lane] + heights[lane] / 2 for lane in lanes]
    axes.set_yticks(ticks, [printable(lane)[:12] for lane in lanes])
    axes.tick_params(left=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for lane in lanes:
        axes.axhline(tops[lane] + heights[lane] + 0.03, color="#DDDDDD", linewidth=0.8, zorder=0)
    for number, bar in enumerate(drawn, first):
        height = heights[bar.lane] / bar.rows
        top = tops[bar.lane] + bar.row * height
        strip = Strip(bar.from_s, bar.to_s, top, 0.94 * height, bar.what, f"bar-{number}")
        _paint(axes, strip)
        word = WORDS[bar.what]
        words = (word,) if bar.name == bar.lane else (f"{bar.name} {word}", word)
        part = _free(bar, [b for b in drawn if b.what == "gone" and b.lane == bar.lane])
        _write(axes, strip, words, part, beside=bar.lane == API)


def _free(bar: Bar, over: Sequence[Bar]) -> tuple[float, float]:
    """Return the longest part of `bar` that none of `over` covers; (0, 0) where there is none.

    A machine's bar lies under those of its containers.
    """
    if bar.what not in ("off", "paused", "unknown"):
        return bar.from_s, bar.to_s
    ends = sorted({bar.from_s, bar.to_s, *(at for b in over for at in (b.from_s, b.to_s))})
    parts = [
        (a, b)
        for a, b in pairwise(ends)
        if bar.from_s <= a and b <= bar.to_s and not any(o.from_s <= a < o.to_s for o in over)
    ]
    return max(parts, key=lambda part: part[1] - part[0], default=(0.0, 0.0))


def _paint(axes: "Axes", strip: Strip) -> None:
    look = LOOKS[strip.what]
    axes.broken_barh(
        [(strip.from_s, strip.to_s - strip.from_s)],
        (strip.top, strip.height),
        facecolor=look.colour,
        hatch=look.pattern,
        edgecolor="black",
        linewidth=0.6,
        gid=strip.gid,
    )


def _write(
    axes: "Axes", strip: Strip, words: Sequence[str], part: tuple[float, float], *, beside: bool
) -> None:
    """Write the first of `words` that fits into `part`, from when to when, of the strip.

    beside: where none fits, the last one is beside the strip, where there is more room.
    """
    look = LOOKS[strip.what]
    left_s, right_s = axes.get_xlim()
    bottom, ceiling = axes.get_ylim()
    box = axes.get_position()
    from_s, to_s = max(part[0], left_s), min(part[1], right_s)
    inches = SIZE[0] * box.width * (to_s - from_s) / (right_s - left_s)
    high = 72 * SIZE[1] * box.height * strip.height / abs(bottom - ceiling)
    points = min(_POINTS, 0.8 * high)
    # A letter of DejaVu Sans is 0.62 as wide as it is high.
    fits = next((word for word in words if len(word) * points * 0.62 / 72 < inches), "")
    y = strip.top + strip.height / 2
    style: dict[str, Any] = {"va": "center", "fontsize": points, "clip_on": True}
    if fits and points >= _LEAST_POINTS:
        paper = {"facecolor": look.colour, "edgecolor": "none", "pad": 0.5}
        style.update(ha="center", color=look.text, bbox=paper if look.pattern else None)
        axes.text((from_s + to_s) / 2, y, printable(fits), **style)
    elif beside:
        late = strip.from_s > (left_s + right_s) / 2
        at_s, side = (strip.from_s, "right") if late else (strip.to_s, "left")
        axes.text(at_s, y, f"\u00a0{printable(words[-1])}\u00a0", ha=side, **style)
