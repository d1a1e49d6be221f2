"""Keys in etcd, on one machine or three: for when one state server is not enough.

The key `container/web` is `/pushpull-lab/container/web` in etcd. Keys below SEEN belong to a lease
of the process that wrote them last.
"""

import itertools
import json
import logging
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from services.core.address import Address
from services.core.errors import BadShape, shown
from services.core.fields import as_object, decode
from services.state.gateway import RANGE, Body, Gateway, text
from services.state.keys import (
    SEEN,
    Change,
    Compacted,
    Compare,
    Item,
    Snapshot,
    Unavailable,
    Value,
    Write,
    check_size,
)
from services.state.once import Once

# A request with all its repetitions.
_LIMIT_S = 5.0
# A read of everything takes longer than a commit.
_READ_S = 1.0
# Before a lost watch begins again: at another member; and if there is none.
_AGAIN_S = 0.05
_LOST_S = 1.0
# Of 128 operations that etcd takes in a transaction. One within another counts with that one, but
# not with its neighbours: 63 neighbours of 64 operations each are one atomic transaction. Hence
# MOST_COMPARES and MOST_KEYS.
_GROUP = 64
# Foreign keys that are named in the log.
_MOST_FOREIGN = 100
_log = logging.getLogger(__name__)


class _Damaged(Unavailable):
    """A value of ours is not a JSON object."""


class EtcdKeys:
    """Keys in the etcd whose members have `addresses`; it is asked when it is needed first.

    prefix: of the keys in etcd. kinds: the first parts of all keys there are, as `container`; what
    else is below `prefix` is foreign, and ignored. Without kinds, nothing is foreign.
    A value that is not a JSON object makes every read of it fail until it is repaired: without it,
    a container would look as if it had been deleted.
    """

    problem = ""
    shared = True
    lost = False
    complete = True

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        prefix: str = "/pushpull-lab",
        kinds: Sequence[str] = (),
    ) -> None:
        self._gateway = Gateway(addresses)
        # Beside the keys: no read finds it.
        self._once = Once(self._gateway, f"{prefix}-commit")
        self._root = f"{prefix}/"
        self._kinds = frozenset(kinds)
        self._foreign: set[str] = set()
        self.trouble = ""
        self._commits = 0

    def read(self, prefix: str) -> Snapshot:
        """As Keys.read."""
        until_s = time.monotonic() + _LIMIT_S
        body, _ = self._gateway.call(RANGE, self._below(prefix), until_s, patience_s=_READ_S)
        items = [item for kv in body.get("kvs", ()) if (item := self._item(kv))]
        return Snapshot(tuple(items), int(body["header"]["revision"]))

    def commit(self, compare: Compare, write: Write) -> int:
        """As Keys.commit."""
        check_size(compare, write)
        try:
            revision = self._once.commit(
                {self._root + key: revision for key, revision in compare.items()},
                lambda lease: _grouped([self._operation(*one, lease) for one in write.items()]),
                time.monotonic() + _LIMIT_S,
            )
        except Unavailable as error:
            self.trouble = error.detail
            raise
        self.trouble = ""
        self._commits += 1
        return revision

    def stats(self) -> Mapping[str, int]:
        """As Keys.stats. commits: since the start, of this server."""
        return {"commits": self._commits}

    def watch(self, prefix: str, after: int) -> Iterator[Change]:
        """As Keys.watch. Goes on at another member when one is lost."""
        lost = False
        while not self._gateway.closed.wait(_LOST_S if lost else _AGAIN_S):
            start = {**self._below(prefix), "start_revision": str(after + 1)}
            until_s = time.monotonic() + _LIMIT_S
            try:
                with closing(self._gateway.watch({"create_request": start}, until_s)) as answers:
                    for answer in answers:
                        lost = False
                        for change in self._changes(answer):
                            after = change.revision
                            yield change
            except _Damaged:
                raise Compacted from None  # the read that follows names the key
            except Unavailable as error:
                if not lost and not self._gateway.closed.is_set():
                    _log.warning("no changes come from etcd: %s", error)
                lost = True

    def close(self) -> None:
        """As Keys.close."""
        self._gateway.close()

    def _changes(self, answer: Body) -> Iterator[Change]:
        """Yield the commits in one answer to a watch, which has all of each."""
        if "compact_revision" in answer:
            raise Compacted
        if answer.get("canceled"):
            raise self._gateway.unavailable(f"it ended a watch: {shown(answer)}")
        events = answer.get("events", ())
        for revision, group in itertools.groupby(events, lambda one: one["kv"]["mod_revision"]):
            changed: list[Item] = []
            deleted: list[str] = []
            for event in group:
                if event.get("type") == "DELETE":
                    deleted += filter(None, [self._key(event["kv"])])
                else:
                    changed += filter(None, [self._item(event["kv"])])
            if changed or deleted:
                yield Change(int(revision), tuple(changed), tuple(deleted))

    def _item(self, kv: Body) -> Item | None:
        """Return what `kv` says; None if it is foreign. Raises Unavailable if its value is bad."""
        if not (key := self._key(kv)):
            return None
        try:
            value = as_object(decode(b64decode(kv.get("value", ""))))
        except (ValueError, BadShape):
            name = shown(self._root + key)
            hint = f"repair it, or delete it: etcdctl del {name}"
            raise _Damaged("etcd", f"the value of {name} is not a JSON object", hint) from None
        return Item(key, value, int(kv["mod_revision"]), int(kv["create_revision"]))

    def _key(self, kv: Body) -> str:
        """Return the key of `kv` as the lab names it; "" if it is foreign."""
        key = b64decode(kv["key"]).decode(errors="backslashreplace").removeprefix(self._root)
        if not self._kinds or key.partition("/")[0] in self._kinds:
            return key
        if key not in self._foreign and len(self._foreign) < _MOST_FOREIGN:
            self._foreign.add(key)
            _log.warning("etcd has a key that is not ours, ignored: %s", shown(self._root + key))
        return ""

    def _below(self, prefix: str) -> Body:
        """Return the range of all keys that begin with `prefix`."""
        first = (self._root + prefix).encode()
        return {"key": text(first), "range_end": text(first[:-1] + bytes([first[-1] + 1]))}

    def _operation(self, key: str, value: Value | None, lease: str) -> Body:
        name = text(self._root + key)
        if value is None:
            return {"request_delete_range": {"key": name}}
        document = text(json.dumps(value, separators=(",", ":")))
        lent = {"lease": lease} if key.startswith(SEEN) else {}
        return {"request_put": {"key": name, "value": document, **lent}}


def _grouped(operations: list[Body]) -> list[Body]:
    """Return `operations` as one transaction takes them."""
    if len(operations) < _GROUP:
        return operations
    starts = range(0, len(operations), _GROUP)
    return [{"request_txn": {"success": operations[at : at + _GROUP]}} for at in starts]
