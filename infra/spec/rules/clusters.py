"""Rules for clusters: node limits, network, administrator."""

from collections.abc import Iterator, Mapping

from infra.catalogue.locations import same_location
from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, entries, is_adopted, off, whole


def nodes_are_ordered(compute: Document) -> Iterator[Finding]:
    low, high = whole(compute.get("min_nodes")), whole(compute.get("max_nodes"))
    if low is not None and high is not None and low > high:
        yield (
            ("min_nodes",),
            f"is {low}, but max_nodes is {high}; lower min_nodes or raise max_nodes.",
        )


def private_nodes_need_a_network(stack: Document) -> Iterator[Finding]:
    """Of clusters and instances: the service reaches nodes by an address or through a network."""
    workspace = stack.get("workspace")
    managed = workspace.get("managed_network") if isinstance(workspace, Mapping) else None
    if managed not in (None, "disabled"):
        return
    for index, compute in entries(stack, "computes"):
        if (
            off(compute.get("node_public_ip"))
            and not (compute.get("subnet_id") or compute.get("subnet"))
            and not is_adopted(stack, compute.get("name"))
        ):
            message = (
                "nodes without a public IP address need a network; set subnet, subnet_id,"
                " or managed_network of the workspace."
            )
            yield ("computes", index, "node_public_ip"), message


def nodes_are_where_their_network_is(stack: Document) -> Iterator[Finding]:
    """Report computes of another region in a declared network, which is in the stack's region."""
    home = stack.get("location")
    for index, compute in entries(stack, "computes"):
        away = compute.get("location")
        if not (compute.get("subnet") and isinstance(home, str) and isinstance(away, str)):
            continue
        if not same_location(home, away) and not is_adopted(stack, compute.get("name")):
            message = f"is in a network in {home}, and nodes in {away} need one of their region"
            yield ("computes", index, "subnet"), f"{message}; use subnet_id."


def one_subnet(compute: Document) -> Iterator[Finding]:
    if compute.get("subnet") and compute.get("subnet_id"):
        yield ("subnet_id",), "conflicts with subnet; set one of them."


def admin_can_log_in(compute: Document) -> Iterator[Finding]:
    admin = compute.get("admin")
    if isinstance(admin, Mapping):
        windows = compute.get("os") == "windows"
        if windows and not admin.get("password"):
            yield ("admin",), "a Windows cluster needs a password for its administrator."
        elif not (admin.get("password") or admin.get("ssh_public_key")):
            yield ("admin",), "an administrator needs ssh_public_key or password."
