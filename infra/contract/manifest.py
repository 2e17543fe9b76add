"""The manifest of a deployment: the targets to which runs can be submitted.

It holds no secret and, for the local cloud, no address, because discovery knows the port. Reading
is lenient (it ignores keys of later releases); writing is strict.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError, StateError, UnknownNameError
from infra.contract.load import nearest

VERSION: Final = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class WorkspaceEntry(_Part):
    """The workspace; its ARM id contains subscription, resource group and name."""

    id: str
    name: str
    location: str


class TargetEntry(_Part):
    """What a run needs to reach one compute. Only the keys of its ``kind`` are set.

    ``kind`` is the stack file's word: ``aml_compute``, ``compute_instance``, ``virtual_machine``,
    ``hdinsight``, ``batch``, ``databricks``, … ``priority``: ``dedicated`` or ``low_priority``.
    ``host_key`` is the public key that the machine at ``address`` and ``port`` must prove to have
    (``ssh-ed25519 AAAA…``, as in ``known_hosts``). ``credentials`` maps a field to a reference
    (``env:NAME``, ``file:PATH``, a Key Vault id).
    """

    kind: str
    id: str
    vm_size: str | None = None
    min_nodes: int | None = None
    max_nodes: int | None = None
    priority: str | None = None
    resource_id: str | None = None
    address: str | None = None
    port: int | None = None
    user: str | None = None
    host_key: str | None = None
    credentials: Mapping[str, str] = Field(default_factory=dict)


class Manifest(_Part):
    """The manifest of one stack. ``targets`` maps a compute's name to its entry."""

    version: Annotated[int, Field(ge=1)] = VERSION
    project: str
    stack: str
    cloud: Literal["local", "azure"]
    workspace: WorkspaceEntry
    targets: Mapping[str, TargetEntry] = Field(default_factory=dict)

    def target(self, name: str) -> TargetEntry:
        """Return the entry of one target; raise ``UnknownNameError`` with the nearest name."""
        if name in self.targets:
            return self.targets[name]
        raise UnknownNameError(
            f"Stack {self.stack!r} has no target {name!r}.",
            # These are always targets and in no manifest.
            remedy=nearest(name, {**self.targets, "local": None, "docker": None}, noun="target"),
        )

    def to_json(self) -> str:
        """Return the document as JSON text: sorted, without unset keys."""
        document = self.model_dump(mode="json", exclude_none=True, exclude_defaults=False)
        return json.dumps(document, indent=2, sort_keys=True) + "\n"


def parse_manifest(document: object, *, at: str, stack: str) -> Manifest:
    """Return the manifest in ``document``; raise ``StateError`` if it cannot be read."""
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise StateError(
            f"It is not a manifest: {problems}.",
            remedy=f"Run {stack_command('up', stack)} to write it again.",
            at=at,
        ) from error
    if manifest.version > VERSION:
        raise StateError(
            f"The manifest has version {manifest.version}; this release reads up to {VERSION}.",
            remedy="Install the release that wrote it, or a newer one.",
            at=at,
        )
    return manifest


def read_manifest(file: Path, *, stack: str) -> Manifest:
    """Return the manifest in ``file``; raise ``NotDeployedError`` if there is none.

    The file holds ``null`` if the stack is deployed and its program exports no manifest.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotDeployedError(
            f"Stack {stack!r} was never deployed from here ({file.name} does not exist).",
            remedy=f"Run {stack_command('up', stack)}, or name a manifest with `--manifest FILE`.",
            at=str(file),
        ) from error
    except (ValueError, RecursionError) as error:
        raise StateError(
            f"It is not JSON: {error}.",
            remedy=f"Run {stack_command('up', stack)} to write it again.",
            at=str(file),
        ) from error
    if document is None:
        raise NotDeployedError(
            f"Stack {stack!r} is deployed, but its program exports no manifest, which lists the"
            " targets of runs.",
            remedy="Add `pulumi.export('manifest', platform.manifest)` to the program, then run"
            f" {stack_command('up', stack)}.",
            at=str(file),
        )
    return parse_manifest(document, at=str(file), stack=stack)
