"""One word, one meaning: names of classes and modules, the glossary, plain words, exceptions."""

import ast
import re
import sys
from collections import defaultdict

import pytest

from tests.house.repository import ROOT, name, tracked

# What runs in the guests, and what runs on the host: each has its words.
GUESTS = ("services/**.py",)
HOST = ("lab/**.py", "benchmarks/**.py", "provisioning/**.py")
# Programs, not names.
ALWAYS = {"__init__", "__main__"}
# Modules of the standard library that these are never mistaken for: a command's name, and a secret.
LIKE_STANDARD = {"lab/commands/token.py", "lab/snapshot/secrets.py"}
ODD = re.compile(r"\b(whoever|whomever|nobody|everybody|somebody|anew)\b", re.IGNORECASE)
PLAIN = tracked(*GUESTS, *HOST)


def public_classes(patterns):
    """Name -> the places that define a public class of that name."""
    found = defaultdict(set)
    for path in tracked(*patterns):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(name(path))
    return found


@pytest.mark.parametrize("patterns", [GUESTS, HOST], ids=["guests", "host"])
def test_a_public_class_name_means_one_thing(patterns):
    classes = public_classes(patterns)
    assert {word: sorted(places) for word, places in classes.items() if len(places) > 1} == {}


def test_no_module_has_the_name_of_one_of_the_standard_library():
    names = {name(path): path.stem for path in tracked(*GUESTS, *HOST)}
    shadows = {
        path: stem for path, stem in names.items() if stem in sys.stdlib_module_names - ALWAYS
    }
    assert shadows.keys() == LIKE_STANDARD


def test_the_glossary_names_classes_that_exist():
    glossary = (ROOT / "docs/glossary.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", glossary))
    assert named
    assert named - public_classes((*GUESTS, *HOST)).keys() == set()


@pytest.mark.parametrize("path", PLAIN, ids=name)
def test_words_are_plain(path):
    lines = enumerate(path.read_text().splitlines(), 1)
    assert [f"{number}: {line.strip()}" for number, line in lines if ODD.search(line)] == []


def test_an_exception_is_a_class_only_where_it_is_caught_or_raised_in_several_places():
    """Otherwise `LabError(message, hint=...)` says the same in fewer lines."""
    raised, caught = defaultdict(set), set()
    for path in tracked(*HOST):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute):
                word = node.id if isinstance(node, ast.Name) else node.attr
                if id(node) in called:
                    raised[word].add(name(path))
                else:
                    caught.add(word)
    own = {
        node.name
        for path in tracked(*HOST)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        and [ast.unparse(base) for base in node.bases] == ["LabError"]
    }
    assert own
    assert {word for word in own - caught if len(raised[word]) < 2} == set()
