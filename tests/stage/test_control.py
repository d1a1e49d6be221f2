"""What the page may break: each fault of the catalogue, as a command that can be typed."""

import click
import pytest

from lab.commands import stage as command
from lab.commands.chaos import chaos, heal
from lab.faults.catalogue import CATALOGUE
from lab.stage.control import HEAL, Control, faults, words
from services.core.errors import LabError


def target_of(name):
    return "" if CATALOGUE[name].aims == "the API machine" else "node1"


def test_the_menu_has_every_fault_and_the_way_back():
    assert [fault["name"] for fault in faults()] == [*CATALOGUE, HEAL]
    assert all(fault["aims"] and fault["summary"] for fault in faults())


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_command_is_one_that_the_lab_understands(name):
    typed = words(name, target_of(name), {})
    assert typed[:3] == ["lab", "chaos", name]
    found = chaos.get_command(click.Context(chaos), name)
    assert found is not None
    found.make_context(name, typed[3:])


def test_options_are_part_of_the_command():
    typed = words("halt", "node1", {"orderly": "yes"})
    assert typed == ["lab", "chaos", "halt", "node1", "--orderly"]
    typed = words("kill-container", "node1", {"name": "web"})
    assert typed == ["lab", "chaos", "kill-container", "node1", "--name=web", "--mode=pull"]
    assert words("heal", "", {}) == ["lab", "heal"]


@pytest.mark.parametrize(
    ("fault", "target", "options"),
    [
        ("nonsense", "node1", {}),
        ("cut", "", {}),
        ("cut", "--help", {}),
        ("cut", "node1", {"seed": "1"}),
        ("kill-container", "node1", {"name": "; reboot"}),
        ("stop-api", "", {"mode": "x"}),
    ],
)
def test_what_is_no_fault_is_refused_before_anything_is_done(fault, target, options):
    done: list = []
    with pytest.raises(LabError) as caught:
        Control(done.append).strike(fault, target, options)
    assert caught.value.hint
    assert done == []


def test_a_strike_does_what_it_says():
    done: list = []
    assert Control(done.append).strike("cut", "node1", {}) == "lab chaos cut node1"
    assert done == [["lab", "chaos", "cut", "node1"]]


def test_it_runs_as_the_command_itself_does_and_is_printed(monkeypatch, capsys):
    done: list = []
    for found in (chaos.commands["cut"], heal):
        monkeypatch.setattr(found, "callback", lambda **given: done.append(given))
    command.perform(["lab", "chaos", "cut", "node1"])
    command.perform(["lab", "heal"])
    assert done == [
        {"target": "node1", "seed": None, "for_s": None, "dry_run": False},
        {"dry_run": False},
    ]
    assert capsys.readouterr().out == "$ lab chaos cut node1\n$ lab heal\n"


def test_an_error_of_the_command_is_one_of_the_page():
    with pytest.raises(LabError, match="unknown target 'node9'"):
        command.perform(["lab", "chaos", "cut", "node9"])


def test_what_the_command_line_refuses_is_an_error_of_the_page():
    with pytest.raises(LabError, match="No such option"):
        command.perform(["lab", "chaos", "cut", "node1", "--nonsense"])
