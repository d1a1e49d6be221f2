"""Many clients at once, over nodes in memory that hang for as long as a test likes."""

from concurrent.futures import ThreadPoolExecutor

from services.push import api
from services.push.api import LOOKS_AT_ONCE, ORDERS_AT_ONCE
from tests.waiting import wait_for


def start(call, name, **more):
    return call("POST", "/container/start", json={"name": name, **more})


def test_starts_of_one_name_at_once_start_it_once(call, runner):
    runner.gate.clear()
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(start, call, "nginx") for _ in range(4)]
        wait_for(lambda: runner.orders, "one start reaches its node", timeout_s=10)
        # The others must wait for it rather than look at nodes that do not show it yet.
        assert start(call, "other", node="nowhere").status_code == 404
        runner.gate.set()
    statuses = sorted(answer.result().status_code for answer in answers)
    assert statuses == [200, 200, 200, 201]
    assert [name for names in runner.active.values() for name in names] == ["nginx"]


def test_an_order_does_not_wait_for_ever_for_another_of_its_name(call, runner, monkeypatch):
    monkeypatch.setattr(api, "SAME_NAME_S", 0.2)
    runner.gate.clear()
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(start, call, "a")
        wait_for(lambda: runner.orders, "the start reaches its node", timeout_s=10)
        refused = start(call, "a")
        assert (refused.status_code, set(refused.json())) == (503, {"error", "hint"})
        assert not hanging.done()
        runner.gate.set()
        assert hanging.result().status_code == 201
    assert len(runner.orders) == 1


def test_a_start_that_hangs_delays_no_other_name(call, runner):
    runner.gate.clear()
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(start, call, "a")
        wait_for(lambda: runner.orders, "the start reaches its node", timeout_s=10)
        assert call("GET", "/containers").json()["total"] == 0
        assert not hanging.done()
        runner.gate.set()
        assert hanging.result().status_code == 201


def test_starts_that_hang_leave_room_for_questions_and_only_an_absurd_number_is_503(call, runner):
    runner.gate.clear()
    with ThreadPoolExecutor(ORDERS_AT_ONCE) as pool:
        hanging = [pool.submit(start, call, f"a{n}") for n in range(ORDERS_AT_ONCE)]
        wait_for(lambda: len(runner.orders) == len(hanging), "all are under way", timeout_s=20)
        for verb in ("start", "stop"):
            refused = call("POST", f"/container/{verb}", json={"name": "one-more"})
            assert refused.status_code == 503
            assert refused.json()["hint"]
        assert call("GET", "/containers").json()["total"] == 0
        assert call("GET", "/healthz").json() == {"status": "ok"}
        runner.gate.set()
        assert {answer.result().status_code for answer in hanging} == {201}
    assert start(call, "one-more").status_code == 201


def test_looks_that_hang_leave_room_for_health_and_orders(call, runner):
    runner.looking.clear()
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        looks = [pool.submit(call, "GET", "/containers") for _ in range(LOOKS_AT_ONCE)]
        wait_for(lambda: len(runner.looks) == LOOKS_AT_ONCE, "all are under way", timeout_s=20)
        assert call("GET", "/healthz").json() == {"status": "ok"}
        assert call("POST", "/container/stop", json={"name": "a", "node": "node1"}).ok is False
        assert runner.orders == [("stop", "node1", "a")]
        assert call("GET", "/nodes").status_code == 503
        assert not any(look.done() for look in looks)
        runner.looking.set()
        assert {look.result().status_code for look in looks} == {200}
    assert LOOKS_AT_ONCE >= 40
