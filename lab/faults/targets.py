"""Which machines a fault hits: by their names, or by a rule and a seed. Pure."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from provisioning.topology import Machine
from services.core.errors import LabError


def _minority(nodes: Sequence[Machine]) -> int:
    return (len(nodes) - 1) // 2


# Rule -> how many of the nodes it means.
_SIZES: dict[str, Callable[[Sequence[Machine]], int]] = {
    "one": lambda _: 1,
    "minority": _minority,
    "majority": lambda nodes: len(nodes) // 2 + 1,
    "all": len,
}
BUSIEST = "busiest"
RULES = (*_SIZES, BUSIEST)


def choose(
    rule: str, machines: Sequence[Machine], seed: int, loads: Mapping[str, int]
) -> list[Machine]:
    """Return the machines that `rule` means, in the order of `machines`. Raises LabError.

    rule: names with commas between, or one of RULES, which are about nodes alone. machines: those
    that may be hit. Equal seeds choose alike. loads: node -> its containers, for `busiest`; of
    nodes that have as many, the first one.
    """
    nodes = [machine for machine in machines if machine.role == "node"]
    if rule == BUSIEST and nodes:
        return [max(nodes, key=lambda node: loads.get(node.name, 0))]
    if rule in _SIZES:
        return _drawn(rule, nodes, seed)
    names = [name.strip() for name in rule.split(",")]
    known = [machine.name for machine in machines]
    for name in names:
        if name not in known:
            raise LabError(
                f"unknown target {name!r}",
                hint=f"use one of: {', '.join(known)}; several with commas; or a rule: "
                + ", ".join(RULES),
            )
    return [machine for machine in machines if machine.name in names]


def _drawn(rule: str, nodes: Sequence[Machine], seed: int) -> list[Machine]:
    size = _SIZES[rule](nodes)
    if not 0 < size <= len(nodes):
        raise LabError(f"a lab of {len(nodes)} nodes has no {rule}", hint="name the nodes")
    drawn = Random(seed).sample([node.name for node in nodes], size)  # noqa: S311 - no secret
    return [node for node in nodes if node.name in drawn]
