"""Deploys a project's stack file to the local cloud of its tests, from a copy in another folder."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.json_types import JsonObject
from infra.contract.project import Project, find_project

_AML: Final = "from runtime.cli.root import main; main()"
_NAMED: Final = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")
_VARIABLE: Final = "PULUMI_CONFIG_PASSPHRASE"
_OF_SECRETS: Final = ("encryptionsalt", "secretsprovider", "encryptedkey")
_WHOSE: Final = "azure-native:subscriptionId"
_CLOUD, _EXTENDS = "aml:cloud", "aml:extends"


def deploy(file: Path, folder: Path) -> str:
    """Deploy a stack file to the local cloud of ``AML_HOME``; return what went wrong, or nothing.

    ``folder`` gets the copy and the state; a second deployment from it updates the first.
    """
    named = _NAMED.fullmatch(file.name)
    if named is None:
        return f"{file} is no stack file: it is not named Pulumi.STACK.yaml."
    stack = named["stack"]
    if not file.is_file():
        there = ", ".join(sorted(each.name for each in file.parent.glob("Pulumi.*.yaml")))
        return f"{file} does not exist.{f' There is {there}.' if there else ''}"
    try:
        copy_project(find_project(file.parent), file, folder)
    except YamlError as error:
        return f"{file}:{error.line}: {error}"
    sealed = any(key in _read(folder / "stacks" / file.name) for key in _OF_SECRETS)
    done = subprocess.run(
        [sys.executable, "-P", "-c", _AML, "up", "--yes", "-s", stack],
        cwd=folder,
        env={
            **({} if sealed else {_VARIABLE: "of tests"}),
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{file}:\n{done.stdout}{done.stderr}" if done.returncode else ""


def copy_project(project: Project, file: Path, folder: Path) -> None:
    """Write a project that deploys a copy of one of its stack files to the local cloud."""
    (folder / "stacks").mkdir(exist_ok=True)
    document = _read(file)
    base = document.get("config", {}).get(_EXTENDS)
    _write(folder / "stacks" / file.name, localised(document, project.root, stack=True))
    if isinstance(base, str) and (inherited := file.with_name(f"Pulumi.{base}.yaml")).is_file():
        copied = localised(_read(inherited), project.root, stack=False)
        _write(folder / "stacks" / inherited.name, copied)
    of_project = project.root / "Pulumi.yaml"
    _write(
        folder / "Pulumi.yaml",
        settled(_read(of_project) if of_project.is_file() else {}, project),
    )


def localised(document: JsonObject, root: Path, *, stack: bool) -> JsonObject:
    """Return a stack file for the local cloud, whose relative paths are below ``root``.

    Without an encrypted value it needs no key of the team's.
    """
    config = {
        key: _absolute(value, root)
        for key, value in (document.get("config") or {}).items()
        if key != _WHOSE
    }
    if stack:
        config[_CLOUD] = "local"
    others = {key: value for key, value in document.items() if key != "config"}
    if not _has_secret(config):
        others = {key: value for key, value in others.items() if key not in _OF_SECRETS}
    return {**others, "config": config}


def settled(document: JsonObject, project: Project) -> JsonObject:
    """Return a ``Pulumi.yaml`` that means the same in another folder; state is kept elsewhere."""
    others = {key: value for key, value in document.items() if key not in {"backend", "main"}}
    own = {} if project.runs_packaged_program else {"main": str(project.main.absolute())}
    plugins = _changed(
        others.get("plugins"),
        lambda key, value: str(project.root / value) if key == "path" else value,
    )
    return {
        "runtime": "python",
        **others,
        **({"plugins": plugins} if plugins else {}),
        "name": project.name,
        **own,
        "stackConfigDir": "stacks",
    }


def _absolute(value: object, root: Path) -> object:
    """Return a configured value whose references to files (``file:PATH``) hold in any folder."""

    def changed(_: str, text: str) -> str:
        path = text.removeprefix("file:")
        relative = path not in {text, ""} and not path.startswith(("/", "~"))
        return f"file:{root / path}" if relative else text

    return _changed(value, changed)


def _changed(value: Any, change: Callable[[str, str], str], key: str = "") -> Any:
    """Return a document with each text in it changed; ``change`` is given its key as well."""
    match value:
        case dict():
            return {name: _changed(each, change, name) for name, each in value.items()}
        case list():
            return [_changed(each, change, key) for each in value]
        case str():
            return change(key, value)
    return value


def _has_secret(value: object) -> bool:
    match value:
        case {"secure": str(), **others} if not others:
            return True
        case dict():
            return any(map(_has_secret, value.values()))
        case list():
            return any(map(_has_secret, value))
    return False


def _read(file: Path) -> JsonObject:
    document = plain(file.read_text(encoding="utf-8-sig"))
    return document if isinstance(document, dict) else {}


def _write(file: Path, document: JsonObject) -> None:
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    file.write_text(text, encoding="utf-8")
