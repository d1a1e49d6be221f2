"""What a frozen lab needs of the computer that it comes back on."""

import pytest

from lab.snapshot import needs
from tests.snapshot.test_store import API, NODE, saved

XML = """<domain><os><type arch='x86_64' machine='{}'>hvm</type></os>
<devices><emulator>{}</emulator></devices></domain>"""


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A QEMU that knows one machine type, and a frozen lab of that type with its emulator."""
    help_text = "Supported machines are:\npc-i440fx-7.2       Standard PC (default)\n"
    monkeypatch.setattr(needs, "run", lambda _: help_text)
    emulator = tmp_path / "qemu-bounded-1"
    emulator.touch()

    def lab(kind="pc-i440fx-7.2", wrapper=emulator):
        return saved({})._replace(machines=(API._replace(xml=XML.format(kind, wrapper)), NODE))

    return lab


def test_a_lab_that_finds_all_it_needs_lacks_nothing(here):
    assert needs.machine_type(here()) == "pc-i440fx-7.2"
    assert needs.missing(here()) == ("", "")


def test_an_older_qemu_is_said_to_be_one(here):
    lacks, hint = needs.missing(here(kind="pc-i440fx-9.9"))
    assert "pc-i440fx-9.9" in lacks
    assert "QEMU" in hint


def test_an_emulator_of_another_version_of_the_lab_is_missed(here, tmp_path):
    lacks, hint = needs.missing(here(wrapper=tmp_path / "qemu-bounded-2"))
    assert "qemu-bounded-2" in lacks
    assert "git checkout" in hint


def test_a_definition_that_tells_nothing_is_no_obstacle(here):
    mute = here()._replace(machines=(NODE,))
    assert needs.machine_type(mute) == ""
    assert needs.missing(mute) == ("", "")
