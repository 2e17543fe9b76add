"""VM sizes by the shipped catalogue: retired ones, and what the local cloud cannot have.

A size that the catalogue lacks may be newer than it: on Azure that is for `aml check --online`
to find out, so here it is no finding.
"""

from collections.abc import Iterator
from functools import cache

from infra.catalogue.vm_sizes import LISTED, nearest_size, successor, vm_sizes
from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, entries


def sizes(stack: Document) -> Iterator[Finding]:
    for index, compute in entries(stack, "computes"):
        size = compute.get("vm_size")
        says = _wrong(size, stack.get("cloud")) if isinstance(size, str) and "_" in size else None
        if says:
            yield ("computes", index, "vm_size"), says


@cache
def unlisted(size: str) -> str:
    """Say that the catalogue lacks a size, and which one was probably meant."""
    near = nearest_size(size)
    return f"{size!r} is not among Azure's sizes of {LISTED}." + (
        f" Did you mean {near!r}?" if near else ""
    )


def _wrong(size: str, cloud: object) -> str | None:
    if size.lower() in vm_sizes():
        return None
    following = successor(size)
    if following:
        return f"Azure has retired {size!r}; use {following!r} or another of its kind."
    return unlisted(size) if cloud == "local" else None
