"""Read an experiment: YAML in the words of the Chaos Toolkit, checked against schema.json.

An error names the line and the key. What the schema cannot know (faults, checks, steps that an
`undo` names) is checked here too, before anything in the lab is touched.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from services.core.errors import LabError

SHIPPED = Path(__file__).parent / "shipped"
_SCHEMA = Path(__file__).parent / "schema.json"
_HINT = "docs/experiments.md explains each key; the shipped ones are examples: {}"

Step = Mapping[str, Any]
# Where, as keys and numbers from the root; and what is wrong there.
Problem = tuple[list[Any], str]


class Experiment(NamedTuple):
    """One experiment. document: the whole of it, as JSON; the rest is taken from there."""

    name: str
    document: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.document["title"])

    @property
    def method(self) -> Sequence[Step]:
        steps: Sequence[Step] = self.document["method"]
        return steps

    @property
    def containers(self) -> list[str]:
        """The names of those that are declared in each mode before the method begins."""
        count = int(self.document.get("containers", 6))
        return [f"run-{number}" for number in range(1, count + 1)]

    @property
    def modes(self) -> list[str]:
        """Those that it says something about."""
        return list(self.document["expected"])


class Vocabulary(NamedTuple):
    """The words that a file may use.

    complete: takes a fault and its options, and raises LabError for what they cannot be. aimless:
    faults that need no target. momentary: those that are over at once. reserved: names of steps
    that the runner's own have.
    """

    faults: Collection[str]
    complete: Callable[[str, Mapping[str, str]], Mapping[str, str]]
    aimless: Collection[str]
    momentary: Collection[str]
    machines: Collection[str]
    rules: Collection[str]
    checks: Collection[str]
    reserved: Collection[str]


def shipped() -> list[str]:
    """Return the names of the experiments that come with the lab, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def find(name: str) -> Path:
    """Return the file of the experiment `name`: a shipped one's name, or a path."""
    if name in shipped():
        return SHIPPED / f"{name}.yaml"
    path = Path(name)
    if path.is_file():
        return path
    raise LabError(
        f"no experiment {name!r}, and no such file", hint=f"use one of: {', '.join(shipped())}"
    )


def load(path: Path, known: Vocabulary) -> Experiment:
    """Return the experiment in the file `path`; raises LabError with line and key."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path} cannot be read: {error}", hint="is it a YAML file?") from None
    return Experiment(path.stem, parse(text, path.name, known))


def parse(text: str, file: str, known: Vocabulary) -> Mapping[str, Any]:
    """Return the document in `text`; raises LabError. file: what errors call it."""
    # 30 ms and 10 ms, which other commands do without.
    import jsonschema_rs
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise _wrong(f"{file}{line}: not YAML: {problem}") from None
    try:
        found = list(jsonschema_rs.validator_for(_schema()).iter_errors(document))
    except ValueError as error:  # YAML has dates and other things that JSON has not
        raise _wrong(f"{file}: {error}") from None
    errors = sorted(found, key=lambda one: (-len(one.instance_path), str(one.instance_path)))
    if errors:
        path = list(errors[0].instance_path)
        raise _wrong(f"{_place(file, root, path)}: {errors[0].message}")
    for path, problem in (*_twice(root, []), *_problems(document, known)):
        raise _wrong(f"{_place(file, root, path)}: {problem}")
    result: Mapping[str, Any] = document
    return result


def _problems(document: Mapping[str, Any], known: Vocabulary) -> list[Problem]:
    """Return (path, what is wrong there) for what a schema cannot know."""
    found: list[Problem] = []
    on: list[str] = []
    for index, step in enumerate(document["method"]):
        found += [(["method", index, *path], text) for path, text in _in_step(step, on, known)]
        if step.get("fault", "") not in ("", *known.momentary):
            on.append(step["fault"])
        if step.get("undo") in on:
            on.remove(step["undo"])
    for mode, expected in document["expected"].items():
        for check in expected["checks"]:
            if check not in known.checks:
                path = ["expected", mode, "checks", check]
                found.append((path, _unknown("check", check, known.checks)))
    return found


def _in_step(step: Step, on: Collection[str], known: Vocabulary) -> Iterator[Problem]:
    """Yield what is wrong in one step. on: the faults that earlier steps have begun."""
    if step["name"] in known.reserved:
        yield ["name"], f"{step['name']!r} is a step of every run: choose another name"
    if "undo" in step and step["undo"] not in on:
        yield ["undo"], _unknown("fault that is on", step["undo"], on)
    fault = step.get("fault")
    if fault is None:
        return
    if fault not in known.faults:
        yield ["fault"], _unknown("fault", fault, known.faults)
    elif fault in on:
        yield ["fault"], f"{fault} is on already: undo it first"
    else:
        yield from _about_fault(fault, step, known)


def _about_fault(fault: str, step: Step, known: Vocabulary) -> Iterator[Problem]:
    given = {key: str(value) for key, value in step.get("options", {}).items()}
    try:
        options = known.complete(fault, given)
    except LabError as error:
        yield (["options"] if given else []), f"{error} ({error.hint})"
        return
    named = "name" in options and options.get("mode") in ("push", "pull")
    words = [*known.machines, *known.rules]
    if "target" not in step and fault not in known.aimless and not named:
        yield [], f"the fault {fault!r} needs a target: use one of {', '.join(words)}"
    several = step.get("target", "").split(",")
    for word in several if "target" in step else ():
        if word not in (words if len(several) == 1 else known.machines):
            yield ["target"], _unknown("target", word, words)


def _twice(node: Any, path: list[Any]) -> Iterator[Problem]:
    """Yield each key that a mapping of YAML has twice: the first of them would be lost."""
    if not isinstance(node.value, list):
        return
    seen = set()
    for index, item in enumerate(node.value):
        key, child = (item[0].value, item[1]) if isinstance(item, tuple) else (index, item)
        if isinstance(item, tuple) and str(key) in seen:
            yield [*path, key], "this key is there twice"
        seen.add(str(key))
        yield from _twice(child, [*path, key])


def _unknown(what: str, word: str, words: Collection[str]) -> str:
    return f"unknown {what} {word!r}: use one of {', '.join(sorted(words)) or 'none'}"


def _wrong(text: str) -> LabError:
    return LabError(text, hint=_HINT.format(SHIPPED.relative_to(SHIPPED.parents[2])))


@cache
def _schema() -> Any:
    return json.loads(_SCHEMA.read_text())


def _place(file: str, root: Any, path: Sequence[Any]) -> str:
    """Return `file, line N, key a.b` for the node to which `path` leads, or the last on the way."""
    node = root
    for word in path:
        node = _child(node, word) or node
    line = f", line {node.start_mark.line + 1}" if node is not None else ""
    words = ".".join(map(str, path))
    return f"{file}{line}{f', key {words}' if words else ''}"


def _child(node: Any, word: Any) -> Any:
    """Return what `word` leads to from a node of YAML: a key's value, or a list's item."""
    if isinstance(word, int) and isinstance(node.value, list) and word < len(node.value):
        return node.value[word]
    for pair in node.value if isinstance(node.value, list) else ():
        if isinstance(pair, tuple) and pair[0].value == word:
            return pair[1]
    return None
