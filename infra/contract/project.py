"""Finds a project and its files: ``Pulumi.yaml``, and ``.aml/`` beside it.

A folder of stack files without a ``Pulumi.yaml`` is a project too; it runs the packaged program.
Reads a few files and the environment; writes only the name of the selected stack.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import NoProjectError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.private import HOME, private_file, private_folder

DEFAULT_STACK: Final = "local"
PROGRAM: Final = Path(__file__).parents[1]
"""Folder of the packaged program."""
MANIFESTS: Final = "manifests"
"""The folder of the home that has what stacks deployed, a file each."""
_STACK_NAME: Final = re.compile(rb"[A-Za-z0-9_.-]{0,100}")
_PYTHON: Final = "python"
_STACK_FOLDER: Final = "stacks"
_STACK_FILES: Final = "Pulumi.*.yaml"
_READ: Final = "infra.contract.project_file:read_project_file"


@dataclass(frozen=True, slots=True)
class Project:
    """One project. ``root`` holds ``Pulumi.yaml``; ``home`` is its ``.aml`` folder.

    ``name`` is Pulumi's project name; ``main`` the program's folder; ``stacks`` the folder of the
    ``Pulumi.<stack>.yaml`` files; ``backend_url`` where state is kept unless the environment
    overrides it, as Pulumi writes it (``file://…``), or ``None``; ``runtime`` the language of the
    program.
    """

    root: Path
    home: Path
    name: str
    main: Path
    stacks: Path
    backend_url: str | None = None
    runtime: str = _PYTHON

    @property
    def runs_packaged_program(self) -> bool:
        """Return whether the project runs this product's own program, whose stack files we check.

        True also for another copy of it (a checkout beside an installation), and if there is no
        other program.
        """
        return self.runtime == _PYTHON and self._has_no_own_program

    @property
    def _has_no_own_program(self) -> bool:
        return not (self.main / "__main__.py").is_file() or (
            (self.main / "spec" / "stack.py").is_file()
            and (self.main / "components" / "platform.py").is_file()
        )

    def stack_file(self, stack: str) -> Path:
        """Return the path of a stack's configuration file, which need not exist."""
        return self.stacks / f"Pulumi.{stack}.yaml"

    def manifest_file(self, stack: str) -> Path:
        """Return the path of the manifest that a deployment writes."""
        return manifest_file(self.home, stack)

    def selected_stack(self) -> str:
        """Return the current stack: ``AML_STACK``, else the selected one, else ``local``."""
        return selected_stack(self.home)

    def select_stack(self, stack: str) -> None:
        """Make ``stack`` the current one for later commands."""
        select_stack(self.home, stack)


def home_folder(start: Path | None = None) -> Path:
    """Return the ``.aml`` folder: ``AML_HOME``, else beside the nearest project, else here.

    The folder need not exist. Works without a project, on a machine that only submits.
    """
    chosen = os.environ.get("AML_HOME")
    if chosen:
        return Path(chosen).absolute()
    return (project_root(start) or (start or Path.cwd()).absolute()) / HOME


def selected_stack(home: Path) -> str:
    """Return the current stack of a project: ``AML_STACK``, else the selected one, else ``local``.

    ``home`` is the project's ``.aml`` folder; nothing else of the project is read.
    """
    chosen = os.environ.get("AML_STACK")
    if chosen:
        return chosen
    file = home / "selected-stack"
    name = file.read_bytes().strip() if file.is_file() else b""
    if not _STACK_NAME.fullmatch(name):
        raise UsageError(
            "The file is damaged: it does not hold the name of a stack.",
            remedy="Select one with `aml stack select NAME`, or name it with -s.",
            at=str(file),
        )
    return name.decode("ascii") or DEFAULT_STACK


def select_stack(home: Path, stack: str) -> None:
    """Make ``stack`` the current one of a project; ``home`` is its ``.aml`` folder."""
    private_folder(home)
    private_file(home / "selected-stack").write_text(f"{stack}\n", encoding="utf-8")


def manifest_file(home: Path, stack: str) -> Path:
    """Return the path of the manifest that a deployment writes."""
    return home / MANIFESTS / f"{stack}.json"


def project_root(start: Path | None = None) -> Path | None:
    """Return the nearest folder upwards with a ``Pulumi.yaml``, else with stack files."""
    folder = (start or Path.cwd()).absolute()
    upwards = (folder, *folder.parents)
    named = next((f for f in upwards if (f / "Pulumi.yaml").is_file()), None)
    return named or next((f for f in upwards if _stack_folder(f) is not None), None)


def find_project(start: Path | None = None) -> Project:
    """Return the project around ``start`` (default: the working folder).

    Raises ``NoProjectError`` if there is none, ``UsageError`` if ``Pulumi.yaml`` cannot be used.
    """
    root = project_root(start)
    if root is None:
        raise NoProjectError(
            f"There is no Pulumi.yaml in {(start or Path.cwd()).absolute()} or above it, "
            "and no stack file.",
            remedy="Change to a project folder, or create a project here with `aml init`.",
        )
    if not (root / "Pulumi.yaml").is_file():
        return packaged_project(root)
    document: JsonObject = load(_READ)(root / "Pulumi.yaml")
    backend = document.get("backend")
    url = backend.get("url") if isinstance(backend, dict) else None
    return Project(
        root=root,
        home=home_folder(root),
        name=str(document["name"]),
        main=_program(root, document.get("main")),
        stacks=root / str(document.get("stackConfigDir") or _former(document.get("config"))),
        backend_url=str(url) if url else None,
        runtime=_runtime(document.get("runtime")),
    )


def _runtime(runtime: object) -> str:
    """Return the language of a program: ``python`` where the file does not say."""
    name = runtime.get("name") if isinstance(runtime, dict) else runtime
    return str(name or _PYTHON)


def _former(config: object) -> str:
    """Return the folder of stack files as older projects name it: by the text of ``config``."""
    return config if isinstance(config, str) and config else "."


def project_of_new_stack() -> Project:
    """Return the project around the working folder, or the one that a stack file makes of it."""
    folder = Path.cwd()
    return packaged_project(folder) if project_root(folder) is None else find_project(folder)


def packaged_project(root: Path) -> Project:
    """Return the project of a folder without a ``Pulumi.yaml``: stack files and our program."""
    return Project(
        root=root,
        home=home_folder(root),
        name=re.sub(r"[^A-Za-z0-9_.-]+", "-", root.name).strip("-.") or "aml",
        main=PROGRAM,
        stacks=_stack_folder(root) or root / _STACK_FOLDER,
    )


def overlooked(stacks: Path) -> str:
    """Return what to do about stack files that a ``Pulumi.yaml`` leaves out, ``""`` without any.

    Whoever adds the file to a project that had none has its stacks in ``stacks/``.
    """
    if any(stacks.glob(_STACK_FILES)) or not any((stacks / _STACK_FOLDER).glob(_STACK_FILES)):
        return ""
    return (
        f"There are stack files in {_STACK_FOLDER}/: add `stackConfigDir: {_STACK_FOLDER}` to"
        " Pulumi.yaml."
    )


def _program(root: Path, main: object) -> Path:
    """Return the program's folder: what ``main`` says, else the project's own, else ours."""
    return root / str(main or ".") if main or (root / "__main__.py").is_file() else PROGRAM


def _stack_folder(folder: Path) -> Path | None:
    """Return the folder of the stack files: ``stacks/``, or the folder itself."""
    for candidate in (folder / _STACK_FOLDER, folder):
        if any(candidate.glob(_STACK_FILES)):
            return candidate
    return None
