"""Rules of a cluster: node limits, network, administrator."""

from collections.abc import Iterator, Mapping

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, off, whole


def nodes_are_ordered(compute: Document) -> Iterator[Finding]:
    low, high = whole(compute.get("min_nodes")), whole(compute.get("max_nodes"))
    if low is not None and high is not None and low > high:
        yield (
            ("min_nodes",),
            f"min_nodes is {low} but max_nodes is {high}; lower the one or raise the other.",
        )


def private_nodes_need_a_subnet(compute: Document) -> Iterator[Finding]:
    """Also an instance's: both join a subnet the same way."""
    if off(compute.get("node_public_ip")) and not (
        compute.get("subnet_id") or compute.get("subnet")
    ):
        says = "nodes without a public address need a subnet. Set subnet or subnet_id."
        yield ("node_public_ip",), says


def one_subnet(compute: Document) -> Iterator[Finding]:
    if compute.get("subnet") and compute.get("subnet_id"):
        yield ("subnet_id",), "is given beside subnet; a compute joins one."


def admin_can_log_in(compute: Document) -> Iterator[Finding]:
    admin = compute.get("admin")
    if isinstance(admin, Mapping):
        windows = compute.get("os") == "windows"
        if windows and not admin.get("password"):
            yield ("admin",), "a Windows cluster needs a password for its administrator."
        elif not (admin.get("password") or admin.get("ssh_public_key")):
            yield ("admin",), "an administrator needs ssh_public_key or password."
