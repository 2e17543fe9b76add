"""The manifest of a deployment: the targets to which runs can be submitted.

It holds no secret and, for the local cloud, no address, because discovery knows the port. Reading
is lenient (it ignores keys of later releases); writing is strict.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError, StateError, UnknownNameError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load, nearest
from infra.contract.project import MANIFESTS

VERSION: Final = 1
LEFT_IN_WORKSPACE: Final = "aml/deployments/"
"""The folder in a workspace's default datastore where deployments leave their manifests."""
_CLOUDS: Final = ("local", "azure")
_NEVER_DEPLOYED: Final = "infra.contract.undeployed:never_deployed"
_WHOLE_NUMBERS: Final = frozenset({"version", "min_nodes", "max_nodes", "port"})

Part = TypeVar("Part", "WorkspaceEntry", "TargetEntry")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceEntry:
    """The workspace; its ARM id contains subscription, resource group and name."""

    id: str
    name: str
    location: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetEntry:
    """What a run needs to reach one compute. Only the keys of its ``kind`` are set.

    ``kind`` is the stack file's word: ``aml_compute``, ``compute_instance``, ``virtual_machine``,
    ``hdinsight``, ``batch``, ``databricks``, … ``priority``: ``dedicated`` or ``low_priority``.
    ``location`` is its region, if that is another one than the workspace's.
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
    location: str | None = None
    resource_id: str | None = None
    address: str | None = None
    port: int | None = None
    user: str | None = None
    host_key: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)

    @property
    def beyond_arm(self) -> bool:
        """Whether it has what Azure Resource Manager does not return to those who submit."""
        return bool(self.host_key or self.credentials)

    def document(self) -> JsonObject:
        """Return the entry as a JSON object, without unset keys."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The manifest of one stack. ``cloud``: ``local`` or ``azure``.

    ``targets`` maps a compute's name to its entry.
    """

    version: int = VERSION
    project: str
    stack: str
    cloud: str
    workspace: WorkspaceEntry
    targets: Mapping[str, TargetEntry] = field(default_factory=dict)

    def target(self, name: str) -> TargetEntry:
        """Return the entry of one target; raise ``UnknownNameError`` with the nearest name."""
        if name in self.targets:
            return self.targets[name]
        raise UnknownNameError(
            f"Stack {self.stack!r} has no target {name!r}.",
            # These are always targets and in no manifest.
            remedy=nearest(name, {**self.targets, "local": None, "docker": None}, noun="target"),
        )

    def without(self, deleted: Collection[str]) -> "Manifest | None":
        """Return it without targets whose ids, in lower case, are ``deleted``.

        ``None`` if the workspace is among them: nothing is left to submit to.
        """
        if self.workspace.id.lower() in deleted:
            return None
        targets = {n: each for n, each in self.targets.items() if each.id.lower() not in deleted}
        return replace(self, targets=targets)

    @property
    def blob(self) -> str:
        """The name under which the deployment leaves it in the workspace's default datastore."""
        return f"{LEFT_IN_WORKSPACE}{self.project}/{self.stack}.json"

    @property
    def beyond_arm(self) -> bool:
        """Whether it has what the workspace does not tell of its targets."""
        return any(entry.beyond_arm for entry in self.targets.values())

    def document(self) -> JsonObject:
        """Return the manifest as a JSON object, without unset keys."""
        targets = {name: entry.document() for name, entry in self.targets.items()}
        return asdict(self) | {"targets": targets}

    def to_json(self) -> str:
        """Return the document as JSON text: sorted, without unset keys."""
        return json.dumps(self.document(), indent=2, sort_keys=True) + "\n"


def manifest_from(document: object) -> Manifest:
    """Return the manifest in ``document``; ``ValueError`` names everything that does not fit.

    Checked by hand, because every command reads a manifest and importing pydantic takes longer
    than the rest of such a command.
    """
    problems: list[str] = []
    given = _object(document, "the document", problems)
    texts: JsonObject = {}
    for key in ("project", "stack", "cloud"):
        texts[key] = given.get(key)
        problems += _problem(key, texts[key], key)
    if texts["cloud"] not in (None, *_CLOUDS):
        problems.append(f"cloud: must be 'local' or 'azure', not {texts['cloud']!r}")
    version = given.get("version", VERSION)
    problems += _problem("version", version, "version")
    workspace = _part(WorkspaceEntry, given.get("workspace", {}), "workspace", problems)
    targets = {
        name: _part(TargetEntry, entry, f"targets.{name}", problems)
        for name, entry in _object(given.get("targets", {}), "targets", problems).items()
    }
    if problems:
        raise ValueError("; ".join(problems))
    return Manifest(version=int(version), **texts, workspace=workspace, targets=targets)


def _object(document: object, at: str, problems: list[str]) -> Document:
    if isinstance(document, Mapping):
        return document
    problems.append(f"{at}: must be an object")
    return {}


def _part(kind: type[Part], document: object, at: str, problems: list[str]) -> Part:
    """Return one entry. It is of no use if ``problems`` grew."""
    given = _object(document, at, problems)
    values: JsonObject = {}
    for each in fields(kind):
        value: Any = given.get(each.name)
        required = each.default is MISSING and each.default_factory is MISSING
        if value is not None or required:
            problems += _problem(each.name, value, f"{at}.{each.name}")
            values[each.name] = int(value) if _is_whole(value) else value
    return kind(**values)


def _problem(key: str, value: Any, at: str) -> list[str]:
    """Return what is wrong with the value of a key, if anything."""
    if value is None:
        return [f"{at}: is missing"]
    if key in _WHOLE_NUMBERS:
        # Pulumi's outputs know no integers: 2 is 2.0 in them.
        return [] if _is_whole(value) else [f"{at}: must be a whole number"]
    if key == "credentials":
        texts = isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values())
        return [] if texts else [f"{at}: must map names to text"]
    return [] if isinstance(value, str) else [f"{at}: must be text"]


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def parse_manifest(document: object, *, at: str, stack: str) -> Manifest:
    """Return the manifest in ``document``; raise ``StateError`` if it cannot be read."""
    try:
        manifest = manifest_from(document)
    except ValueError as error:
        raise StateError(
            f"It is not a manifest: {error}.",
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


def _written_again(file: Path, stack: str) -> str:
    if file.parent.name == MANIFESTS:
        return f"Run {stack_command('up', stack)} to write it again."
    return "Write it with `aml targets --export`, where the stack was deployed."


def read_manifest(file: Path, *, stack: str) -> Manifest:
    """Return the manifest in ``file``; raise ``NotDeployedError`` if there is none.

    The file holds ``null`` if the stack is deployed and its program exports no manifest.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        undeployed: NotDeployedError = load(_NEVER_DEPLOYED)(file, stack)
        raise undeployed from error
    except (ValueError, RecursionError) as error:
        raise StateError(
            f"It is not JSON: {error}.",
            remedy=_written_again(file, stack),
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
