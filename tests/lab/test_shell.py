"""`lab ssh` and `lab logs`: which words reach the machine, and which exit code comes back."""

import pytest

from lab.machines import remote


@pytest.fixture
def sent(monkeypatch):
    calls = []

    def interactive(machine, argv):
        calls.append((machine.name, list(argv)))
        return 7

    def stream(machine, argv, take):
        take("one\r\x1b[2J\u202etwo")
        return interactive(machine, argv)

    monkeypatch.setattr(remote, "interactive", interactive)
    monkeypatch.setattr(remote, "stream", stream)
    return calls


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        (["node1"], []),
        (["node1", "--", "ls", "-l"], ["ls", "-l"]),
        (["node1", "ls", "-l"], ["ls", "-l"]),
        (["node1", "--", "echo", "--", "-n"], ["echo", "--", "-n"]),
    ],
)
def test_ssh_hands_over_the_words_and_the_exit_code(run, sent, words, argv):
    assert run("ssh", *words).exit_code == 7
    assert sent == [("node1", argv)]


def test_logs_follow_the_units_of_the_lab(run, sent):
    shown = run("logs", "node2", "-f", "--lines", "5")
    assert (shown.exit_code, shown.stdout) == (7, "one\\r\\x1b[2J\\u202etwo\n")
    run("logs", "api", "--unit", "pull-scheduler")
    (_, every), (_, one) = sent
    assert {"--unit=push-*", "--unit=pull-*", "--lines=5", "--follow"} <= set(every)
    assert [word for word in one if word.startswith("--unit")] == ["--unit=pull-scheduler"]
    assert "--follow" not in one
