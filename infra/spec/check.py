"""Rules across fields, as a table; each reads plain values and says what contradicts what.

Rules run beside the models, on the values as written, so that a file with a misspelt key is told
of its contradictions as well. They pass over what is missing or of the wrong type: the models say
that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from infra.spec.problems import Location

Finding = tuple[Location, str]
"""Where, relative to what the rule reads, and what is wrong."""


def contradictions(stack: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield every contradiction; ``stack`` maps ``StackSpec``'s field names to plain values."""
    workspace = stack.get("workspace")
    if isinstance(workspace, Mapping):
        yield from _below(("workspace",), _identity(workspace))
    computes = stack.get("computes")
    if not isinstance(computes, list | tuple):
        return
    yield from _below(("computes",), _names_differ(computes))
    for index, compute in enumerate(computes):
        if isinstance(compute, Mapping):
            for rule in _RULES.get(str(compute.get("kind")), ()):
                yield from _below(("computes", index), rule(compute))


def _nodes_are_ordered(compute: Mapping[str, Any]) -> Iterator[Finding]:
    low, high = _whole(compute.get("min_nodes")), _whole(compute.get("max_nodes"))
    if low is not None and high is not None and low > high:
        yield (
            ("min_nodes",),
            f"min_nodes is {low} but max_nodes is {high}; lower the one or raise the other.",
        )


def _private_nodes_need_a_subnet(compute: Mapping[str, Any]) -> Iterator[Finding]:
    if _false(compute.get("node_public_ip")) and not compute.get("subnet_id"):
        yield (
            ("node_public_ip",),
            "nodes without a public address need a subnet. Set subnet_id, or leave this out.",
        )


def _identity(owner: Mapping[str, Any]) -> Iterator[Finding]:
    identity = owner.get("identity")
    if not isinstance(identity, Mapping):
        return
    kind, ids = identity.get("type"), identity.get("ids")
    if kind in ("user_assigned", "system_and_user_assigned") and not ids:
        yield (
            ("identity", "ids"),
            f"{kind} needs the id of at least one user-assigned identity.",
        )
    if kind == "system_assigned" and ids:
        yield (
            ("identity", "ids"),
            "system_assigned takes no ids. Use system_and_user_assigned, or remove them.",
        )


def _admin_can_log_in(compute: Mapping[str, Any]) -> Iterator[Finding]:
    admin = compute.get("admin")
    if isinstance(admin, Mapping):
        windows = compute.get("os") == "windows"
        if windows and not admin.get("password"):
            yield ("admin",), "a Windows cluster needs a password for its administrator."
        elif not (admin.get("password") or admin.get("ssh_public_key")):
            yield ("admin",), "an administrator needs ssh_public_key or password."


def _names_differ(computes: Sequence[Any]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, compute in enumerate(computes):
        name = compute.get("name") if isinstance(compute, Mapping) else None
        if not isinstance(name, str):
            continue
        if name.lower() in first:
            other = first[name.lower()]
            yield (index, "name"), f"is the name of aml:computes[{other}] as well (case aside)."
        first.setdefault(name.lower(), index)


Rule = Callable[[Mapping[str, Any]], Iterator[Finding]]
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "aml_compute": (
        _nodes_are_ordered,
        _private_nodes_need_a_subnet,
        _identity,
        _admin_can_log_in,
    ),
}


def _below(prefix: Location, findings: Iterator[Finding]) -> Iterator[Finding]:
    for location, says in findings:
        yield (*prefix, *location), says


def _whole(value: Any) -> int | None:
    """Return a whole number, also one written as text; ``None`` for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _false(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.lower() == "false")
