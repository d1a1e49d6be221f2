"""EtcdKeys as the state server runs it: after monkey patching, what waits is a greenlet."""

import subprocess
import sys

from services.core.address import show_address
from tests.serving import ROOT

GREENLETS = """
from gevent import monkey, pool
monkey.patch_all()
import sys, gevent
from services.core.address import parse_address
from services.state.etcd import EtcdKeys
prefix, *addresses = sys.argv[1:]
keys, seen = EtcdKeys([parse_address(one) for one in addresses], prefix=prefix), []
start = keys.read("").revision
watching = gevent.spawn(lambda: seen.extend(keys.watch("", start)))
writing = pool.Pool(8).map(lambda n: keys.commit({}, {f"a/{n}": {}}), range(80))
last = keys.commit({}, {"a/1": None})
with gevent.Timeout(30):
    while not seen or seen[-1].revision != last:
        gevent.sleep(0.01)
assert [change.revision for change in seen] == [*sorted(writing), last]
assert len(keys.read("").items) == 79
keys.close()
watching.get(timeout=5)
"""


def test_greenlets_commit_and_watch_at_the_same_time(etcd, prefix):
    addresses = [show_address(address) for address in etcd.addresses]
    argv = [sys.executable, "-W", "error", "-c", GREENLETS, prefix, *addresses]
    subprocess.run(argv, cwd=ROOT, timeout=60, check=True)
