"""A stack file's `config:` as Pulumi hands it to a program: strings, and which keys are secret.

Follows the Pulumi CLI: objects become compact JSON with sorted keys, unquoted numbers go through
a float (`3.10` arrives as `3.1`), a key is secret if anything in it is. Validation of what the
values mean belongs to `infra.spec`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.credential_kinds import KINDS
from infra.deploy.stack.project_settings import ProjectSettings
from infra.spec.credentials import Sealed
from infra.spec.document import read_document
from infra.spec.inheritance import read_stack_document
from infra.spec.problems import Problem
from infra.spec.stack import KEYS

_OF_PULUMI_CLOUD: Final = (
    "names environments of Pulumi Cloud (ESC). Only the Pulumi CLI reads them: --engine pulumi."
)
_NO_SETTINGS: Final = ProjectSettings()


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a program sees. ``values`` maps ``namespace:key`` to a string (secrets in clear).

    ``problems`` are values that ``Pulumi.yaml`` asks for, and the stack has not, or not like that;
    and what only the Pulumi CLI could read.
    Never printed: it is handed to the program and to provider configuration only.
    """

    values: Mapping[str, str]
    secret_keys: frozenset[str]
    problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"Configuration({', '.join(sorted(self.values))})"

    def namespace(self, name: str) -> dict[str, str]:
        """Return the keys of one namespace without their prefix."""
        prefix = f"{name}:"
        return {k.removeprefix(prefix): v for k, v in self.values.items() if k.startswith(prefix)}


def read_configuration(
    file: Path,
    *,
    project: str,
    unseal: Callable[[str], str],
    settings: ProjectSettings = _NO_SETTINGS,
) -> Configuration:
    """Return the configuration in ``file``; ``unseal`` turns a ciphertext into its text.

    A key without a namespace belongs to the project. ``unseal`` is called only where the file has
    a secret. Problems of the file were reported when the spec was loaded.
    """
    own, secrets, written = {}, set(), {}
    document = read_stack_document(file)
    for key, value in document.config.items():
        name = key if ":" in key else f"{project}:{key}"
        written[name] = key
        opened, sealed = _opened(value, unseal)
        own[name] = opened
        if sealed:
            secrets.add(name)
    values = {name: _text(value) for name, value in {**settings.values(), **own}.items()}
    problems = [
        Problem(
            written.get(key, key), text, document.line((written[key],)) if key in written else 0
        )
        for key, text in settings.problems(own, frozenset(secrets))
    ]
    if document.environment:
        problems.append(Problem("environment", _OF_PULUMI_CLOUD, document.environment))
    return Configuration(values, frozenset(secrets), tuple(problems))


def encryption_salt(file: Path) -> str | None:
    """Return the salt the file's secrets are sealed under, ``None`` where there is none."""
    return read_document(file).salt


def declared_credential(file: Path) -> str | None:
    """Return the file's ``aml:credential``, whatever it is: the spec's problems come later."""
    value = read_stack_document(file).config.get(KEYS["credential"]) if file.is_file() else None
    return value if isinstance(value, str) and value in KINDS else None


def _opened(value: object, unseal: Callable[[str], str]) -> tuple[object, bool]:
    match value:
        case Sealed():
            return unseal(value.ciphertext), True
        case dict():
            items = {str(key): _opened(item, unseal) for key, item in value.items()}
            opened = {key: item for key, (item, _) in items.items()}
            return opened, any(sealed for _, sealed in items.values())
        case list():
            elements = [_opened(item, unseal) for item in value]
            return [item for item, _ in elements], any(sealed for _, sealed in elements)
    return value, False


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
