"""Keeps what was submitted, one document a run, so that it can be submitted again.

Values that may be secret are not kept: an environment variable has its name alone.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.environments.specs import without_secrets
from runtime.model.data import without_token
from runtime.model.redaction import MASK, redacted
from runtime.model.runs import SWEEP_VARIABLE, RunSpec

FOLDER: Final = "specs"
_ENV: Final = ("-e", "--env")
_JOINED: Final = ("-e", "--env=")
_VARIABLE: Final = re.compile(r"((?:-e|--env=)?[A-Za-z_]\w*)=.*", re.DOTALL)
EXAMPLE: Final = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
"""What azureml-core writes into every run configuration."""


def keep_spec(home: Path, run_id: str, spec: RunSpec) -> None:
    """Write ``<home>/specs/<run id>.json``."""
    folder = private_folder(home / FOLDER)
    text = json.dumps(asdict(_shown(spec)), default=str)
    partial = private_file(folder / f".{os.getpid()}-{run_id}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / f"{run_id}.json")


def kept_spec(home: Path, run_id: str) -> RunSpec:
    """Return what was submitted. Raises ``UsageError`` for a run of an earlier release."""
    try:
        document = json.loads((home / FOLDER / f"{run_id}.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"Run {run_id} cannot be submitted again: what it was given is not kept here.",
            remedy="Submit it from its source folder with `aml submit`.",
        ) from error
    return _spec_of(document)


def with_values(spec: RunSpec, given: Mapping[str, str], environ: Mapping[str, str]) -> RunSpec:
    """Return the run with the values of its variables: those given, else this process's own.

    Raises ``UsageError`` that names every variable without one.
    """
    known = {**EXAMPLE, **environ, **given}
    environment = spec.environment
    named = {**(environment.variables if environment else {}), **spec.variables}
    missing = [name for name, value in named.items() if value == MASK and name not in known]
    if missing:
        raise UsageError(
            f"The run had environment variables whose values are not kept: {', '.join(missing)}.",
            remedy="Set them in this shell, or give each with `--variable NAME=VALUE`.",
        )
    places = [*spec.docker.arguments, *(data.location.path for data in spec.inputs)]
    masked = [place for place in places if MASK in place]
    if masked:
        raise UsageError(
            f"The run was given credentials that are not kept: {', '.join(masked)}.",
            remedy="Submit it from its source folder with `aml submit`.",
        )
    if environment is not None:
        environment = replace(environment, variables=_filled(environment.variables, known))
    variables = {**_filled(spec.variables, known), **given}
    return replace(spec, environment=environment, variables=variables)


def _filled(variables: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    return {name: known[name] if value == MASK else value for name, value in variables.items()}


def _shown(spec: RunSpec) -> RunSpec:
    """Return what may be written. A lock is kept elsewhere; history has arguments and command."""
    environment = spec.environment
    if environment is not None:
        environment = replace(without_secrets(environment), lock=None)
    return replace(
        spec,
        environment=environment,
        variables={
            name: value if name.startswith(SWEEP_VARIABLE) else MASK
            for name, value in spec.variables.items()
        },
        arguments=(),
        command=MASK if spec.command else "",
        docker=replace(spec.docker, arguments=_without_values(spec.docker.arguments)),
        inputs=tuple(map(without_token, spec.inputs)),
    )


def _without_values(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return arguments of `docker run` without the values of environment variables."""
    shown, of_variable = [], False
    for argument in arguments:
        match = _VARIABLE.fullmatch(argument)
        named = match is not None and (of_variable or argument.startswith(_JOINED))
        shown.append(f"{match[1]}={MASK}" if match and named else redacted(argument))
        of_variable = argument in _ENV
    return tuple(shown)


def _spec_of(document: Document) -> RunSpec:
    # pydantic builds the values inside; its import is worth it only here.
    spec: RunSpec = load("pydantic:TypeAdapter")(RunSpec).validate_python(document)
    return spec
