"""What a deployment depended on, kept beside the project: equal again, the program need not run.

The packaged program is a function of its stack file, the credentials that the file refers to, and
the versions that run it. A keyed hash of all of them, of the checkpoint and of the manifest is kept
after a deployment; nothing in the file reveals a value. Imports neither pulumi nor the spec: to
find that nothing changed must cost little.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from infra.contract.inheritance import EXTENDS
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from infra.contract.project import PROGRAM, Project, find_project
from infra.deploy.stack.state_location import backend_url
from infra.engine.state.address import blob_address
from infra.engine.state.layout import stack_files, state_folder

_VERSION: Final = 1
_FOLDER: Final = "fingerprints"
_KEY: Final = "key"
_READ: Final = "infra.contract.project_file:read_project_file"
_BACKEND: Final = "infra.engine.state.backend:StateBackend"
_KEY_BYTES: Final = 32
_PACKAGES: Final = {"pulumi": "pulumi", "pulumi_azure_native": "pulumi_azure_native"}
_PURE: Final = "aml:pure"
_RESULT: Final = ("cloud", "cloud_id", "line")

Source = tuple[str, str]
"""A credential reference: ``("env", NAME)`` or ``("file", PATH)``."""

Credentials = tuple[tuple[str, str, str], ...]
"""Kind, name and keyed hash of the value of each."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What is known before a deployment: taken before it, so that later edits count as changes.

    ``inputs`` is the hash of the stack file, ``Pulumi.yaml``, the code and its versions.
    """

    project: Project
    stack: str
    inputs: str
    key: bytes

    @property
    def file(self) -> Path:
        return self.project.home / _FOLDER / f"{self.stack}.json"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The deployment that would be repeated; ``line`` is its result."""

    cloud: str
    cloud_id: str
    line: str


def basis(project: Project, stack: str) -> Basis | None:
    """Return what a deployment of ``stack`` depends on; ``None`` if the program must always run."""
    packages = _installed(_PACKAGES)
    if not project.stack_file(stack).is_file() or packages is None:
        return None
    if not project.runs_packaged_program and not _declared_pure(project):
        return None
    key = _key(project.home)
    parts = {
        "interpreter": [sys.version, sys.prefix],
        "packages": packages,
        "project": [str(project.root), project.name, str(project.main), stack],
        "settings": _content(project.root / "Pulumi.yaml"),
        "stack": _content(project.stack_file(stack)),
        "extended": _extended(project.stack_file(stack)),
        "code": _listing(PROGRAM.rglob("*.py")),
        "program": _program(project),
    }
    return Basis(project, stack, _hash(key, parts), key)


def basis_of(stack: str | None) -> Basis | None:
    """Return the basis of the stack a command uses; ``None`` also where opening it must fail."""
    try:
        project = find_project()
        return basis(project, stack or project.selected_stack())
    except PlatformError:
        return None


def credentials_of(known: Basis, sources: Sequence[Source]) -> Credentials:
    """Return the credentials as they are now. No value can be told from them without the key."""
    return tuple(
        (kind, name, _hash(known.key, _value(kind, name, known.project.root)))
        for kind, name in sources
    )


def remembered(known: Basis) -> Remembered | None:
    """Return the last deployment if nothing that it depended on has changed since, else ``None``.

    Also ``None`` while a run holds the stack's lock or has left a journal: the deployment itself
    says what to do about that.
    """
    try:
        record = json.loads(known.file.read_bytes())
        sources = [(str(kind), str(name)) for kind, name in record["credentials"]]
        files = [Path(file) for file in record["files"]]
        result = Remembered(**{key: record[key] for key in _RESULT})
        expected = str(record["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    state = _state_of(known)
    if state is None:
        return None
    now = _whole(known, result, credentials_of(known, sources), state, files)
    return result if hmac.compare_digest(now, expected) else None


def remember(
    known: Basis,
    result: Remembered,
    credentials: Credentials,
    *,
    state: str,
    files: Iterable[Path] = (),
) -> None:
    """Keep the fingerprint of the deployment that has just ended.

    ``state`` is the SHA-256 of its checkpoint; ``files`` are what a program of one's own imported.
    """
    sources = sorted(files)
    record = {
        "hash": _whole(known, result, credentials, state, sources),
        "credentials": [[kind, name] for kind, name, _ in credentials],
        "files": [str(file) for file in sources],
        **{key: getattr(result, key) for key in _RESULT},
    }
    private_folder(known.file.parent)
    draft = private_file(known.file.with_suffix(".tmp"))
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.replace(known.file)


def _whole(
    known: Basis, result: Remembered, credentials: Credentials, state: str, files: Sequence[Path]
) -> str:
    parts = {
        "version": _VERSION,
        "inputs": known.inputs,
        "credentials": credentials,
        "files": _listing(files),
        "result": {key: getattr(result, key) for key in _RESULT},
        "state": state,
        "manifest": _content(known.project.manifest_file(known.stack)),
    }
    return _hash(known.key, parts)


def _state_of(known: Basis) -> str | None:
    """Return the hash of the checkpoint; ``None`` where it is not all there is to know."""
    with suppress(PlatformError):
        data = _settled(backend_url(known.project), known.project.name, known.stack)
        return None if data is None else hashlib.sha256(data).hexdigest()
    return None


def _settled(url: str, project: str, stack: str) -> bytes | None:
    """Return a stack's checkpoint, unless a run holds its lock or has left a journal."""
    if blob_address(url, os.environ) is not None:
        # Another machine may have written it: what it is now, only the container can tell.
        checkpoint: bytes | None = load(_BACKEND, extra="azureml")(url).settled(project, stack)
        return checkpoint
    files = stack_files(state_folder(url), project, stack)
    locked = files.locks.is_dir() and any(files.locks.glob("*.json"))
    return None if locked or files.journal.exists() else files.read()


def _hash(key: bytes, parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _key(home: Path) -> bytes:
    """Return this home's random key, made on first use; a damaged one is replaced."""
    file = home / _FOLDER / _KEY
    with suppress(OSError):
        key = file.read_bytes()
        if len(key) == _KEY_BYTES:
            return key
    private_folder(file.parent)
    draft = private_file(file.with_name(f"{_KEY}.{os.getpid()}"))
    draft.write_bytes(secrets.token_bytes(_KEY_BYTES))
    draft.replace(file)
    return file.read_bytes()


def _extended(file: Path) -> Sequence[Sequence[str]]:
    """Return the contents of what a stack file may extend: all beside it, where it extends any.

    The file is not parsed here: that would cost more than it spares.
    """
    with suppress(OSError):
        if EXTENDS.encode() in file.read_bytes():
            return [
                (each.name, _content(each)) for each in sorted(file.parent.glob("Pulumi.*.yaml"))
            ]
    return []


def _content(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        return f"unreadable: {error.errno}"


def _value(kind: str, name: str, folder: Path) -> str:
    if kind == "env":
        value = os.environ.get(name)
        return "absent" if value is None else f"={value}"
    return _content(folder / Path(name).expanduser())


def _listing(files: Iterable[Path]) -> list[list[object]]:
    """Return names, sizes and times: code is too much to read for every command."""
    found: list[list[object]] = []
    for file in sorted(files):
        try:
            status = file.stat()
        except OSError:
            found.append([str(file), "absent"])
        else:
            found.append([str(file), status.st_size, status.st_mtime_ns])
    return found


def _program(project: Project) -> list[list[object]]:
    """Return the listing of a program that is not this copy of the packaged one."""
    if project.main.resolve() == PROGRAM or not (project.main / "__main__.py").is_file():
        return []
    if project.runs_packaged_program:
        return _listing(project.main.rglob("*.py"))
    return _listing([project.main / "__main__.py"])


def _installed(packages: Mapping[str, str]) -> list[str] | None:
    """Return the names of the packages' metadata folders, which contain their versions.

    Reading them through ``importlib.metadata`` would cost more than all the rest.
    """
    found = []
    for module, prefix in packages.items():
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            return None
        folder = Path(spec.origin).parents[1]
        names = [each.name for each in folder.iterdir() if each.name.startswith(f"{prefix}-")]
        named = sorted(each for each in names if each.endswith(".dist-info"))
        if not named:
            return None
        found += [str(folder), *named]
    return found


def _declared_pure(project: Project) -> bool:
    """Say whether ``Pulumi.yaml`` has `aml:pure: true` in its `config`."""
    config = load(_READ)(project.root / "Pulumi.yaml").get("config")
    given = config.get(_PURE) if isinstance(config, dict) else None
    return (given.get("value") if isinstance(given, dict) else given) is True
