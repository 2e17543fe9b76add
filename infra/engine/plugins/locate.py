"""Finds the program of a plugin, in the order in which the Pulumi CLI looks.

First ``plugins.providers`` of ``Pulumi.yaml``, then ``PATH``, then Pulumi's folder of installed
plugins. Looks at files only; nothing is started or installed.
"""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import one_of

_MANIFEST: Final = "PulumiPlugin.yaml"
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_DYNAMIC: Final = "pulumi-python"
"""The package of providers that a Python program defines itself; the SDK has its plugin."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. ``path`` is the value of ``PATH``, ``cache`` Pulumi's ``plugins`` folder."""

    root: Path
    path: str
    cache: Path
    declared: Sequence[JsonObject] = ()


def places(
    root: Path,
    document: Mapping[str, object],
    environ: Mapping[str, str],
    without: Path | None = None,
) -> Places:
    """Return the places of a project; ``document`` is its ``Pulumi.yaml``.

    ``without`` is a folder that is none, although the project may name it for others.
    """
    home = environ.get("PULUMI_HOME")
    cache = (Path(home) if home else Path.home() / ".pulumi") / "plugins"
    plugins = document.get("plugins")
    listed = plugins.get("providers") if isinstance(plugins, Mapping) else None
    declared = [
        each
        for each in listed or ()
        if isinstance(each, dict) and (without is None or _folder(root, each) != without.resolve())
    ]
    return Places(root, environ.get("PATH", ""), cache, declared)


def command(package: str, version: str, where: Places) -> list[str]:
    """Return the command line of a package's plugin, without the engine's address.

    ``version`` may be empty: any. ``UsageError`` if there is none, with the command to install it.
    """
    if not _PACKAGE.fullmatch(package):
        raise UsageError(
            f"{package!r} is not the name of a package.",
            remedy="A type is written `package:module:Type`.",
        )
    if package == _DYNAMIC:
        return [sys.executable, "-m", "pulumi.dynamic"]
    for entry in where.declared:
        if entry.get("name") == package and _fits(version, str(entry.get("version") or "")):
            return _declared(_folder(where.root, entry), package)
    program = f"pulumi-resource-{package}"
    found = shutil.which(program, path=where.path)
    if found is not None:
        return [found]
    installed = _installed(package, version, where.cache)
    if installed is not None:
        return _in_folder(installed, package)
    raise _missing(package, version, where.cache)


def _folder(root: Path, entry: JsonObject) -> Path:
    return (root / str(entry.get("path") or ".")).resolve()


def _fits(wanted: str, has: str) -> bool:
    return not wanted or not has or wanted.removeprefix("v") == has.removeprefix("v")


def _declared(path: Path, package: str) -> list[str]:
    if path.is_dir():
        return _in_folder(path, package)
    if path.is_file():
        return [str(path)]
    raise UsageError(
        f"The plugin of {package!r} is not at {path}, where `plugins.providers` of Pulumi.yaml"
        " has it.",
        remedy="Correct its `path`.",
    )


def _in_folder(folder: Path, package: str) -> list[str]:
    program = folder / f"pulumi-resource-{package}"
    if program.is_file():
        return [str(program)]
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        raise UsageError(
            f"The folder has neither pulumi-resource-{package} nor {_MANIFEST}.",
            remedy="Name the folder of the plugin's program.",
            at=str(folder),
        )
    return [_interpreter(manifest), str(folder)]


def _interpreter(manifest: Path) -> str:
    """Return the Python of a plugin that is a Python program: its own environment's, or ours."""
    try:
        document = plain(manifest.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise UsageError(
            f"The file cannot be read: {error}.", remedy="Correct the file.", at=str(manifest)
        ) from error
    runtime = document.get("runtime") if isinstance(document, dict) else None
    name = runtime.get("name") if isinstance(runtime, dict) else runtime
    if name != "python":
        raise UsageError(
            f"The plugin's runtime is {name!r}.",
            remedy=f"Use {one_of(['python'])}, or a plugin that is a program of its own.",
            at=str(manifest),
        )
    options = runtime.get("options") if isinstance(runtime, dict) else None
    chosen = options.get("virtualenv") if isinstance(options, dict) else None
    python = manifest.parent / str(chosen or "venv") / "bin" / "python"
    return str(python) if python.is_file() else sys.executable


def _installed(package: str, version: str, cache: Path) -> Path | None:
    """Return the folder of an installed plugin: of that version, or the newest."""
    prefix = f"resource-{package}-v"
    if version:
        folder = cache / f"{prefix}{version.removeprefix('v')}"
        return folder if folder.is_dir() else None
    found = [each for each in cache.glob(f"{prefix}[0-9]*") if each.is_dir()]
    return max(found, key=lambda each: _numbers(each.name.removeprefix(prefix)), default=None)


def _numbers(version: str) -> tuple[list[int], bool, str]:
    """Return a key that orders versions: a release is newer than what came before it."""
    release, _, rest = version.partition("-")
    return [int(n) for n in re.findall(r"\d+", release)], not rest, rest


def _missing(package: str, version: str, cache: Path) -> UsageError:
    there = sorted(each.name for each in cache.glob(f"resource-{package}-v*") if each.is_dir())
    has = f" Installed: {', '.join(there)}." if there else ""
    wanted = f" {version}" if version else ""
    which = f" in version {version}" if version else ""
    return UsageError(
        f"There is no provider for the package {package!r}{which}.{has}",
        remedy=f"Install it with `pulumi plugin install resource {package}{wanted}`, put"
        f" `pulumi-resource-{package}` on the PATH, or name its folder in `plugins.providers` of"
        " Pulumi.yaml.",
    )
