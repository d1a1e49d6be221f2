"""The last minutes of a history as bars, the same as the report's. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.experiment.check.timeline import Timeline, build
from lab.history.history import History
from lab.history.record import Record
from lab.report.bars import Bar, bars
from lab.stage.fold import SILENT_S

WINDOW_S = 180.0
# The window moves on in steps, so that a bar that goes on stays as it is.
_STEP_S = 30.0
_DRAWN = ("begin", "wanted", "runs", "looked", "lost", "machine", "claims")
# Of what was heard a moment ago, the end is not known yet.
_EDGE_S = 0.1
_RUNNING = ("runs", "twice", "stray")

# name, what (a key of lab.report.bars.WORDS), from when, until when; None: it goes on.
Strip = tuple[str, str, float, float | None]


class Window:
    """The records from which the last minutes follow: those of that time, and what held before."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        # How many came that change more than until when all is known.
        self.news = 0
        self._from_s = 0.0

    def add(self, record: Record) -> None:
        """Take one record more, and forget what is older than the window and without effect."""
        if record.kind not in _DRAWN:
            return
        if record.kind == "looked":
            self._merge(record)
        else:
            self.news += 1
        self.records.append(record)
        from_s = begin_s(record.at_s)
        if from_s > self._from_s:
            self._from_s = from_s
            self.records = list(_needed(self.records, from_s))

    def _merge(self, record: Record) -> None:
        """Drop the sign of the same recorder before this one, where nothing came in between."""
        for index in range(len(self.records) - 1, -1, -1):
            before = self.records[index]
            if before.kind == "looked" and before.fields["machine"] == record.fields["machine"]:
                if before.fields["boot"] == record.fields["boot"]:
                    del self.records[index]
                return
            if before.kind in ("lost", "runs"):
                return

    def strips(
        self,
        heard: Mapping[str, float],
        halted: Iterable[str],
        users: Mapping[str, Iterable[str]],
        now_s: float,
    ) -> dict[tuple[str, str], list[Strip]]:
        """Return (mode, lane) -> the bars of the last WINDOW_S, in the order of drawing.

        heard: machine -> until when all is known of it. halted: machines on which nothing runs.
        users: mode -> what users wanted beside what the history orders.
        That nothing is known of the last moment is drawn once that is SILENT_S ago.
        """
        timeline = build(History(tuple(self.records), ()))
        timeline = timeline._replace(from_s=begin_s(now_s), to_s=timeline.end_s)
        lanes = {node: heard.get(node, 0.0) for node in timeline.nodes}
        known_s = min((s for node, s in lanes.items() if node not in halted), default=now_s)
        found: dict[tuple[str, str], list[Strip]] = {}
        for bar in _bars(timeline):
            lane_s = lanes.get(bar.lane, known_s)
            ends = {**dict.fromkeys(_RUNNING, lane_s), "gone": known_s}
            end_s = ends.get(bar.what, known_s if bar.what == "lie" else timeline.end_s)
            fresh = now_s - lane_s <= SILENT_S
            if bar.what == "unknown" and fresh and bar.from_s >= lane_s - _EDGE_S:
                continue
            # Its machine is heard of until it was halted, and after that nothing runs on it.
            over = bar.lane in halted and bar.what in _RUNNING
            goes_on = bar.to_s >= end_s - _EDGE_S and now_s - end_s <= SILENT_S and not over
            to_s = None if goes_on else round(bar.to_s, 2)
            # What users had before a run is none of it; the report judges the run alone.
            ours = bar.what == "stray" and bar.name in users.get(bar.mode, ())
            strip = (bar.name, "runs" if ours else bar.what, round(bar.from_s, 2), to_s)
            found.setdefault((bar.mode, bar.lane), []).append(strip)
        return found


def begin_s(now_s: float) -> float:
    """Return when the window begins."""
    return max(0.0, (now_s - WINDOW_S) // _STEP_S * _STEP_S)


def _bars(timeline: Timeline) -> tuple[Bar, ...]:
    """Return the bars; none where the records have no sense, which the view calls damage."""
    try:
        return bars(timeline)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return ()


def _needed(records: Sequence[Record], from_s: float) -> Iterator[Record]:
    """Yield those since from_s, those that still hold then, and the end of each container."""
    latest: dict[tuple[str, ...], int] = {}
    kept: set[int] = set()
    for index, record in enumerate(records):
        if record.at_s >= from_s:
            kept.add(index)
            continue
        place = _about(record)
        before = latest.get(place)
        if before is not None and record.kind == "runs":
            gone = set(records[before].fields["containers"]) - set(record.fields["containers"])
            # Where it ran last is where its absence is drawn.
            latest |= {(*place[:1], "end", place[2], str(name)): index for name in gone}
            latest |= {(*place[:1], "last", place[2], str(name)): before for name in gone}
        latest[place] = index
    kept.update(latest.values())
    yield from (records[index] for index in sorted(kept))


def _about(record: Record) -> tuple[str, ...]:
    """Return what a record is the latest of."""
    keys = ("node", "mode", "machine")
    return (record.kind, *(str(record.fields.get(key, "")) for key in keys))
