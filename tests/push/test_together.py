"""Many requests at once, over a real sshd: they share commands, keep their order, and all end."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import CommandFailed
from services.core.model import Container
from services.push.api import THREADS, make_app
from services.push.commands import NodeListing
from services.push.fleet import TOGETHER
from services.push.inventory import NodeLimits
from services.push.push import Push
from tests.push.sshd import BOUND_S, frozen
from tests.serving import Client, serving
from tests.waiting import wait_for


@pytest.fixture
def busy(node, connect):
    """A fleet whose node is in the middle of a start that ends when `go` is called."""
    fleet = connect()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(fleet.start, "node1", Container("slow"))
        wait_for((node.folder / "slow.pid").exists, "the start is under way", timeout_s=10)
        yield fleet
        (node.folder / "go").touch()
        assert slow.result(BOUND_S)


def queued(fleet):
    """How many requests wait for the node's one thread for orders."""
    return len(fleet._acting["node1"]._queue)


def submit(pool, fleet, order, *subject):
    """Give an order in a thread, and return when it is in the queue."""
    before = queued(fleet)
    future = pool.submit(order, "node1", *subject)
    wait_for(lambda: queued(fleet) == before + 1, "the order is in the queue", timeout_s=10)
    return future


def test_orders_that_wait_become_one_command_and_each_gets_its_own_answer(node, busy):
    with ThreadPoolExecutor(8) as pool:
        names = ["web1", "crash", "web2", "slow2"]
        orders = [submit(pool, busy, busy.start, Container(name)) for name in names]
        orders += [submit(pool, busy, busy.stop, name) for name in ("web1", "other")]
        orders.append(submit(pool, busy, busy.start, Container("web1", "nginx")))
        (node.folder / "go").touch()
        with pytest.raises(CommandFailed, match=r"'start crash' failed on 'node1'.*all taken"):
            orders.pop(1).result(BOUND_S)
        assert [order.result(BOUND_S) for order in orders] == [True, True, True, True, False, True]
    changes = [call for call in node.calls if not call.startswith("is-active")]
    assert changes == [
        "start push-container@slow.service",
        "start " + " ".join(f"push-container@{name}.service" for name in names),
        "stop push-container@web1.service push-container@other.service",
        "start push-container@web1.service",
    ]
    assert (node.folder / "containers/web1/ready").read_text() == "nginx\n"


def test_a_failure_without_a_line_in_the_journal_is_explained_by_its_own_job(node, busy):
    with ThreadPoolExecutor() as pool:
        orders = {
            name: submit(pool, busy, busy.start, Container(name)) for name in ("mute1", "mute2")
        }
        (node.folder / "go").touch()
        for name, order in orders.items():
            with pytest.raises(CommandFailed, match=f"exit code 1: container {name} failed"):
                order.result(BOUND_S)


def test_a_command_starts_a_bounded_number_of_containers(node, busy):
    with ThreadPoolExecutor(TOGETHER + 1) as pool:
        orders = [submit(pool, busy, busy.start, Container(f"web{n}")) for n in range(TOGETHER + 1)]
        (node.folder / "go").touch()
        assert all(order.result(BOUND_S) for order in orders)
    assert [len(call.split()) - 1 for call in node.calls] == [1, TOGETHER, 1]


def test_a_slow_one_of_several_does_not_fail_the_others(node, connect):
    fleet = connect(limits=NodeLimits(2, 1))
    containers = [Container(name) for name in ("web", "slow", "crash")]
    with ThreadPoolExecutor() as pool:
        blocker = pool.submit(fleet.start, "node1", Container("slow0"))
        wait_for((node.folder / "slow.pid").exists, "the start is under way", timeout_s=10)
        web, slow, crash = [submit(pool, fleet, fleet.start, one) for one in containers]
        with pytest.raises(CommandFailed, match=r"slow0.*not serving after 1 s"):
            blocker.result(BOUND_S)
        assert web.result(BOUND_S)
        with pytest.raises(CommandFailed, match=r"'start slow'.*not serving after 1 s"):
            slow.result(BOUND_S)
        with pytest.raises(CommandFailed, match=r"'start crash'.*all taken"):
            crash.result(BOUND_S)
    assert fleet.look(["node1"]) == {"node1": NodeListing(("web",), ("slow", "slow0"))}


def test_thirty_starts_at_once_all_end_with_201(node, connect):
    with serving(make_app(Push(connect())), threads=THREADS) as [address]:
        client = Client(address)

        def start(number):
            return client("POST", "/container/start", json={"name": f"web{number}"})

        with ThreadPoolExecutor(30) as pool:
            assert {answer.status_code for answer in pool.map(start, range(30))} == {201}
        assert client("GET", "/containers").json()["total"] == 30
        client.close()
    starts = [call for call in node.calls if call.startswith("start")]
    assert len(starts) < 15, "they do not share commands"


def test_looks_that_wait_share_one(node, connect):
    fleet = connect()
    assert fleet.look(["node1"]) == {"node1": NodeListing()}
    commands, submitted = [], []
    asking = fleet._asking["node1"]
    asking._timed = lambda *ended: commands.append(ended)
    submit = asking.submit

    def counted(*request):
        future = submit(*request)
        submitted.append(future)
        return future

    asking.submit = counted
    with ThreadPoolExecutor(12) as pool:
        with frozen(node):
            looks = [pool.submit(fleet.look, ["node1"]) for _ in range(12)]
            wait_for(lambda: len(submitted) == 12, "all of them wait", timeout_s=5)
        assert [look.result(BOUND_S) for look in looks] == [{"node1": NodeListing()}] * 12
    assert len(commands) <= 2
