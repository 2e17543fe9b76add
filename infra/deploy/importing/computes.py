"""The computes of a deployed workspace, from the service: list, start, stop, restart.

Queries Azure Resource Manager, not state: computes that are not in the stack show as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from infra.arm import bodies
from infra.arm.client import Client, checked
from infra.catalogue.documents import value_at
from infra.catalogue.names import parse_arm_id
from infra.catalogue.types.table import type_of_token, variant_of_body
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.load import look_up
from infra.contract.manifest import read_manifest
from infra.deploy.drift.comparison import COMPUTE
from infra.deploy.run.runner import PACKAGE
from infra.deploy.stack.endpoints import destination
from infra.deploy.stack.file_entries import kind_of
from infra.deploy.stack.stacks import Stack, never_deployed
from infra.engine.state.secrets import Masked

Action = Literal["start", "stop", "restart"]
_PARTICIPLES: Final[Mapping[Action, str]] = {
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
}
ROW: Final = type_of_token(COMPUTE)
_INNER: Final = "properties.properties"


@dataclass(frozen=True, slots=True)
class ListedCompute:
    """One compute. ``kind`` is the stack file's name for it, or the service's if it has none.

    ``nodes`` is a cluster's current and maximum number of nodes (``1/4``).
    """

    name: str
    kind: str
    vm_size: str
    nodes: str
    state: str
    declared: bool
    document: Document

    @property
    def id(self) -> str:
        return str(self.document["id"])


def compute_of(document: Document, declared: AbstractSet[str]) -> ListedCompute:
    """Return what a list shows of one compute's ARM document. Pure."""
    inputs = bodies.outputs_of(variant_of_body(ROW, document), document)
    inner = value_at(inputs, _INNER) or {}
    state = inner.get("state") or inner.get("allocationState")
    nodes = inner.get("currentNodeCount")
    most = value_at(inner, "scaleSettings.maxNodeCount")
    return ListedCompute(
        name=str(document["name"]),
        kind=kind_of(inputs) or str(value_at(inputs, "properties.computeType")),
        vm_size=str(inner.get("vmSize") or ""),
        nodes="" if nodes is None else f"{nodes}/{most}",
        state=str(state or value_at(inputs, "properties.provisioningState") or ""),
        declared=str(document["name"]) in declared,
        document=document,
    )


@dataclass(frozen=True, slots=True)
class Computes:
    """The computes of one workspace, through one client."""

    client: Client
    workspace_id: str
    declared: frozenset[str] = frozenset()

    def all(self) -> Mapping[str, ListedCompute]:
        """Return them by name."""
        url = f"{bodies.url_path(self.workspace_id)}/computes"
        documents = pages(self.client, url, ROW.api_version)
        found = [compute_of(document, self.declared) for document in documents]
        return {each.name: each for each in sorted(found, key=lambda one: one.name)}

    def one(self, name: str) -> ListedCompute:
        """Return one; ``UnknownNameError`` names the nearest."""
        return look_up(name, self.all(), noun="compute")

    def nodes(self, name: str) -> Sequence[Document]:
        """Return a cluster's nodes as the service describes them."""
        compute = self._of_kind(name, "aml_compute", "has no nodes")
        url = f"{bodies.url_path(compute.id)}/listNodes"
        answer = self.client.complete("POST", url, api_version=ROW.api_version)
        nodes: list[Document] = answer.document.get("nodes") or []
        return nodes

    def power(self, name: str, action: Action) -> ListedCompute:
        """Start, stop or restart an instance; return it as it is afterwards."""
        compute = self._of_kind(name, "compute_instance", f"cannot be {_PARTICIPLES[action]}")
        url = f"{bodies.url_path(compute.id)}/{action}"
        self.client.complete("POST", url, api_version=ROW.api_version)
        return self.one(name)

    def _of_kind(self, name: str, kind: str, otherwise: str) -> ListedCompute:
        compute = self.one(name)
        if compute.kind == kind:
            return compute
        fitting = [each.name for each in self.all().values() if each.kind == kind]
        remedy = (
            f"Choose one of kind {kind}: {', '.join(fitting)}."
            if fitting
            else f"The workspace has no compute of kind {kind}."
        )
        raise UsageError(f"{name!r} is of kind {compute.kind}, which {otherwise}.", remedy=remedy)


def pages(client: Client, url: str, version: str) -> Iterator[Document]:
    """Yield the items of a list, page by page."""
    while url:
        answer = checked(client.send("GET", url, api_version=version), at=url)
        yield from answer.document.get("value") or ()
        url, version = str(answer.document.get("nextLink") or ""), ""


@contextmanager
def computes_of(stack: Stack) -> Iterator[Computes]:
    """Open the computes of the workspace that a stack deployed; its manifest says which."""
    file = stack.project.manifest_file(stack.name)
    if not file.exists():
        raise never_deployed(stack.name)
    manifest = read_manifest(file, stack=stack.name)
    config = stack.configuration.namespace(PACKAGE)
    goes_to = destination(stack.cloud, config, home=stack.project.home, file=stack.file)
    client = Client(goes_to.endpoint, goes_to.credential)
    try:
        workspace = str(parse_arm_id(manifest.workspace.id))
        yield Computes(client, workspace, declared_in(stack, workspace))
    finally:
        client.close()


def declared_in(stack: Stack, workspace: str) -> frozenset[str]:
    """Return the names of the computes that a stack declares in a workspace.

    What a program of one's own declares, only the state knows, as of its last deployment.
    """
    if not stack.own_program:
        return frozenset(each.name for each in stack.spec.computes)
    loaded = stack.backend.load(stack.project.name, stack.name, Masked())
    deployed = (each.id for each in loaded.resources if each.type == COMPUTE and not each.delete)
    below = f"{workspace}/computes/".lower()
    return frozenset(
        parse_arm_id(each).names[-1] for each in deployed if each.lower().startswith(below)
    )
