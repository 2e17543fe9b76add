"""Reads environment declarations: conda YAML and requirements files."""

import os
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.environments.locking import THIS_PYTHON
from runtime.environments.requirements import included_file, requirement_lines
from runtime.model.environments import EnvironmentSpec

FILE_NAMES: Final = ("environment.yml", "conda_dependencies.yml", "requirements.txt")
"""The names looked for in a source folder, in this order."""
SDK_PACKAGE: Final = "azureml-defaults"
"""What azureml-core installs where an environment declares nothing."""
_DEFAULT: Final = f"""\
name: project_environment
dependencies:
- python={THIS_PYTHON}
- pip:
  - {SDK_PACKAGE}
channels:
- anaconda
- conda-forge
"""
CONFIG_FOLDERS: Final = ("aml_config", ".azureml")
"""Where projects of azureml-core and Workbench have such files."""
_YAML: Final = (".yml", ".yaml")


def find_declaration(folder: Path, *, python: str | None = None) -> EnvironmentSpec | None:
    """Return the declaration in the first of ``FILE_NAMES`` in ``folder``, ``None`` without one."""
    found = next((folder / name for name in FILE_NAMES if (folder / name).is_file()), None)
    return read_declaration(found, python=python) if found else None


def default_declaration(source: str) -> EnvironmentSpec:
    """Return azureml-core's default environment, for a ``source`` that declares none."""
    return EnvironmentSpec("conda", conda=_DEFAULT, source=source)


def read_declaration(file: Path, *, python: str | None = None) -> EnvironmentSpec:
    """Read a declaration: YAML is a conda document, anything else a pip requirements file.

    ``-r`` lines of a requirements file are replaced by the included lines. ``python`` overrides
    the document's Python version.
    """
    if file.suffix.lower() in _YAML:
        return EnvironmentSpec("conda", conda=_text(file), python=python, source=str(file))
    lines = _with_includes(file, ())
    return EnvironmentSpec(
        "pip", requirements="\n".join(lines) + "\n", python=python, source=str(file)
    )


def _with_includes(file: Path, above: tuple[Path, ...]) -> list[str]:
    if file in above:
        raise DefinitionError(
            f"{file.name} includes itself.", remedy="Remove the `-r` line.", at=str(above[0])
        )
    lines: list[str] = []
    for line in requirement_lines(_text(file)):
        included = included_file(line)
        if included is None:
            lines.append(line)
        else:
            lines += _with_includes(Path(os.path.realpath(file.parent / included)), (*above, file))
    return lines


def elsewhere(file: Path, form: str) -> str:
    """Return a question that names the file where azureml-core and Workbench keep it, or nothing.

    ``form`` shows the path as it is given, such as ``-d {}``.
    """
    places = [file.parent / folder / file.name for folder in CONFIG_FOLDERS]
    found = [place for place in places if place.is_file()] if not file.exists() else []
    return f"Did you mean {form.format(found[0])}?" if found else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"The environment file cannot be read: {error}.",
            remedy=elsewhere(file, "`-d {}`")
            or "Give a readable conda YAML or requirements file with `-d FILE`.",
            at=str(file),
        ) from error
