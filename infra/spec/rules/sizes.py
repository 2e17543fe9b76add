"""Rules for VM sizes: retired ones, and those the local cloud does not have.

A size missing from the catalogue may be newer than it. On Azure, `aml check --online` checks that,
so it is no finding here.
"""

from collections.abc import Iterator
from functools import cache

from infra.catalogue.vm_sizes import LISTED, nearest_size, successor, vm_sizes
from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, entries, is_adopted


def sizes(stack: Document) -> Iterator[Finding]:
    for key, prefix in (("computes", ""), ("kubernetes_clusters", "cluster-")):
        for index, owner in entries(stack, key):
            size = owner.get("vm_size")
            message = (
                _wrong(size, stack.get("cloud")) if isinstance(size, str) and "_" in size else None
            )
            # Nodes of a size that Azure has retired since may still be there.
            if message and not is_adopted(stack, f"{prefix}{owner.get('name')}"):
                yield (key, index, "vm_size"), message


@cache
def unlisted(size: str) -> str:
    """Return the message for a size missing from the catalogue, with a suggestion."""
    near = nearest_size(size)
    return f"{size!r} is not in Azure's list of {LISTED}." + (
        f" Did you mean {near!r}?" if near else ""
    )


def _wrong(size: str, cloud: object) -> str | None:
    if size.lower() in vm_sizes():
        return None
    following = successor(size)
    if following:
        return f"Azure retired {size!r}; use {following!r} or a similar size."
    return unlisted(size) if cloud == "local" else None
