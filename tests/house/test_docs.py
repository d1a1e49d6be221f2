"""The pages name files, links and commands that exist."""

import re
import shlex

import click
import pytest

from lab.cli import main
from tests.house.repository import ROOT, name, tracked

# The changelog is about what was.
PAGES = [path for path in tracked("*.md") if path.name != "CHANGELOG.md"]
# Decisions name the files of their time.
DECISIONS = [path for path in PAGES if "decisions" in path.parts and path.name != "README.md"]
OF_TODAY = [path for path in PAGES if path not in DECISIONS]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def prose(text):
    return FENCE.sub("", text)


def spans(text):
    """Every piece of inline code of `text`, each on one line."""
    paragraphs = prose(text).split("\n\n")
    return [" ".join(s.split()) for p in paragraphs for s in re.findall(r"`([^`]+)`", p)]


def commands(text):
    """Every simple command that `text` shows, as words: in inline code and in shell blocks."""
    shown = spans(text)
    for language, body in FENCE.findall(text):
        body = body.replace("\\\n", " ")
        if language == "console":
            shown += re.findall(r"^\$ (.*)", body, re.MULTILINE)
        elif language == "bash":
            shown += body.splitlines()
    for line in shown:
        for part in re.split(r"&&|;|\|", re.sub(r"(^|\s)#.*", "", line)):
            try:
                words = shlex.split(part)
            except ValueError:
                continue  # half of a quoted text
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                del words[0]
            yield words


def refused(words):
    """What `lab` or `make` would not understand of the command `words`; "" if it would."""
    if words[:1] == ["make"]:
        goals = [word for word in words[1:] if "=" not in word]
        return " ".join(sorted(set(goals) - TARGETS))
    if words[:1] != ["lab"]:
        return ""
    command: click.Command = main
    context, rest = click.Context(main), words[1:]
    while isinstance(command, click.Group) and rest and rest[0][0] != "-":
        found = command.get_command(context, rest.pop(0))
        if found is None:
            return " ".join(words)
        command, context = found, click.Context(found)
    if command.context_settings.get("ignore_unknown_options"):
        return ""  # they are another program's
    params = command.get_params(context)
    known = {option for param in params for option in (*param.opts, *param.secondary_opts)}
    typed = rest[: rest.index("--")] if "--" in rest else rest
    return " ".join(word for word in typed if word[0] == "-" and word not in known)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose(page.read_text()))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", OF_TODAY, ids=name)
def test_files_exist(page):
    ours = re.compile(r"(services|lab|provisioning|tests|docs)/[\w@./-]*")
    named = [span for span in spans(page.read_text()) if ours.fullmatch(span)]
    absent = [path for path in named if "NAME" not in path and not (ROOT / path).exists()]
    assert absent == []


@pytest.mark.parametrize("page", OF_TODAY, ids=name)
def test_commands_exist(page):
    assert [wrong for words in commands(page.read_text()) if (wrong := refused(words))] == []


def test_every_page_is_in_an_index():
    index = "".join((ROOT / page).read_text() for page in ("README.md", "docs/decisions/README.md"))
    pages = {path.name for path in PAGES if path.parent.name in ("docs", "decisions")}
    assert {page for page in pages if page not in index} == set()


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_a_status_and_a_date(page):
    status = r"# .*\n\nStatus: (accepted, |superseded on )20\d\d-\d\d-\d\d\b"
    assert re.match(status, page.read_text())


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`lab chaos halt node1 --orderly`", []),
        ("`lab chaos hurt node1`", ["lab chaos hurt node1"]),
        ("`lab up both --hot`", ["--hot"]),
        ("`make tea`", ["tea"]),
        ("```console\n$ lab ssh node1 -- ls --all\n$ LAB_X=1 lab upp  # no\n```", ["lab upp"]),
        ("```bash\nlab down && lab dwon\n```", ["lab dwon"]),
        ("`lab\ndwon`, `a lab dwon`, `print 'lab dwon`", ["lab dwon"]),
    ],
)
def test_what_does_not_exist_is_found(text, wrong):
    assert [found for words in commands(text) if (found := refused(words))] == wrong
