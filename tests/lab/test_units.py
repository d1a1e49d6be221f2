"""What systemctl prints, in the shapes in which it prints it."""

from lab.machines.units import Unit, active_modes, containers, parse, services

LISTED = """\
pull-container@gone.service not-found inactive dead      pull-container@gone.service
pull-container@web.service  loaded    active   running   Container web of the pull mode
pull-container@odd.service  loaded    failed   failed    Container odd of the pull mode
push-container@web.service  loaded    activating start   Container web of the push mode
pull-agent.service          loaded    inactive dead      Reconcile this node once
pull-scheduler.service      loaded    failed   failed    Place every container that has no node
pull-agent.timer            loaded    active   waiting   Reconcile this node
pull-api.service            loaded    inactive dead      Pull API
pull.slice                  loaded    active   active    Containers of the pull mode
pull.target                 loaded    active   active    Pull mode of the lab
push.target                 loaded    inactive dead      Push mode of the lab
"""


def test_units_without_a_file_are_left_out():
    assert "pull-container@gone.service" not in {unit.name for unit in parse(LISTED)}
    assert parse("") == ()


def test_containers_are_those_that_serve():
    assert containers(parse(LISTED), "pull") == ("web",)
    assert containers(parse(LISTED), "push") == ()


def test_a_machine_shows_what_its_role_runs_and_whatever_failed():
    assert services(parse(LISTED), "api", ["pull"]) == (
        Unit("pull-api.service", "inactive", "dead"),
        Unit("pull-scheduler.timer", "absent", ""),
        Unit("pull-node-controller.timer", "absent", ""),
        Unit("pull-scheduler.service", "failed", "failed"),
    )
    assert services(parse(LISTED), "node", ["push"])[:-1] == ()
    assert services(parse(LISTED), "node", ["pull"])[0].name == "pull-agent.timer"


def test_a_mode_is_on_when_its_target_is_active():
    assert active_modes(parse(LISTED), ["push", "pull"]) == ["pull"]
