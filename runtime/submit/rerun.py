"""Submits a run again: the same snapshot, arguments and target, with the versions that ran."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import DefinitionError, EnvironmentBuildError, UsageError
from infra.contract.load import load
from runtime.environments.declarations import read_declaration
from runtime.environments.lock_store import FOLDER, LockStore
from runtime.model.environments import LOCK_PROPERTY, EnvironmentSpec
from runtime.model.runs import RunRecord, RunSpec
from runtime.submit.kept_specs import kept_spec, with_values
from runtime.submit.prepare import (
    LOCAL,
    RERUN_PROPERTY,
    SNAPSHOT_PROPERTY,
    for_target,
    locked_environment,
)

_GIT: Final = ("azureml.git.", "mlflow.source.git.")


@dataclass(frozen=True, slots=True)
class RerunOptions:
    """``fresh``: versions are resolved again. ``environment`` is the file that declares it.

    ``variables`` are values of environment variables.
    """

    fresh: bool = False
    environment: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rerun:
    """What to submit. ``git`` are the snapshot's properties, ``notes`` sentences for the user."""

    spec: RunSpec
    snapshot: str
    git: Mapping[str, str]
    notes: tuple[str, ...] = ()


def rerun_of(
    record: RunRecord,
    home: Path,
    options: RerunOptions,
    environ: Mapping[str, str] = os.environ,
) -> Rerun:
    """Return what submits a run again.

    Raises ``UsageError`` if what it was given, or which versions ran, is not known on this machine.
    """
    snapshot = record.properties.get(SNAPSHOT_PROPERTY)
    if snapshot is None:
        raise UsageError(
            f"Run {record.run_id} has no snapshot.", remedy="Submit it from its source folder."
        )
    kept = kept_spec(home, record.run_id)
    command = record.script if kept.command else ""
    spec = replace(
        kept,
        arguments=record.arguments,
        command=command,
        properties={**kept.properties, RERUN_PROPERTY: record.run_id},
    )
    if options.environment is not None:
        spec = replace(spec, environment=_redeclared(spec, options.environment))
    spec = for_target(with_values(spec, options.variables, environ), environ=environ)
    spec, notes = _with_lock(spec, record, home, options, environ)
    git = {key: value for key, value in record.properties.items() if key.startswith(_GIT)}
    return Rerun(spec, snapshot, git, notes)


def _redeclared(spec: RunSpec, file: Path) -> EnvironmentSpec:
    """Return the declaration of a file, with what else the run's environment has."""
    found, before = read_declaration(file), spec.environment
    if before is None:
        return found
    return replace(
        before,
        kind=found.kind,
        conda=found.conda,
        requirements=found.requirements,
        source=found.source,
    )


def _with_lock(
    spec: RunSpec,
    record: RunRecord,
    home: Path,
    options: RerunOptions,
    environ: Mapping[str, str],
) -> tuple[RunSpec, tuple[str, ...]]:
    environment = spec.environment
    if environment is None or environment.kind == "user_managed":
        note = "The interpreter is used as it is: its packages may have changed since."
        return spec, (note,)
    if options.fresh and spec.target != LOCAL:
        note = (
            "The versions are resolved again if the document has changed: Azure ML keeps those of"
            " the first build until then."
        )
        return spec, (note,)
    text = _fresh(spec, environ) if options.fresh else _kept(record, home)
    return replace(spec, environment=replace(environment, lock=text)), ()


def _fresh(spec: RunSpec, environ: Mapping[str, str]) -> str | None:
    """Return today's versions. Raises ``DefinitionError`` if there are none."""
    tool = load("runtime.environments.conda_tools:conda_tool")(environ)
    locked = locked_environment(spec, with_conda=tool is not None)
    if locked is None or locked.conda:
        return None
    builder = load("runtime.environments.uv_builder:UvBuilder")(environ=environ)
    try:
        text: str = builder.resolve(locked, lambda _: None, Event()).text
    except EnvironmentBuildError as error:
        raise DefinitionError(error.detail, remedy=error.remedy, at=locked.source) from error
    return text


def _kept(record: RunRecord, home: Path) -> str:
    digest = record.properties.get(LOCK_PROPERTY)
    if digest is None:
        raise UsageError(
            f"The versions that run {record.run_id} used are not known on this machine.",
            remedy="Resolve them again with `--fresh`. A run of a cluster reports them with its"
            f" outputs: `aml run download {record.run_id}`.",
        )
    return LockStore(home / FOLDER).load(digest).text
