"""The files that are sent along with a PySpark script: its environment, its modules, its folder."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from runtime.agent.site_folder import PARTS

_ENVIRONMENT_FILE = ".aml-environment.tar.gz"
_FASTEST = 1
_PROGRAMS = "bin"
_STARTS_BESIDE = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/%s" "$0" "$@"
' '''
"""
"""In place of a first line with the path of a Python: the one beside the program runs it."""
_OWN = ("AZUREML_", "MLFLOW_", "AML_")
_NOT_SENT = ("outputs", "logs", "user_logs", "azureml-logs")
_SENT = ("inputs", "named_outputs")


class Parts:
    """Makes the archives of one run. ``folder`` is where; ``root`` is the run's folder."""

    ENVIRONMENT = "aml_environment"
    RUN = "aml_run"

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root

    def environment(self, environment: Path) -> Path:
        """Return an environment as an archive, which is packed once and kept in its folder.

        Its Python finds its packages from where it is unpacked, and its programs their Python.
        """
        kept = environment / _ENVIRONMENT_FILE
        if not kept.exists():
            partial = self._folder / _ENVIRONMENT_FILE
            with tarfile.open(str(partial), "w:gz", compresslevel=_FASTEST) as archive:
                for each in sorted(environment.iterdir()):
                    if not each.name.startswith(_ENVIRONMENT_FILE):
                        archive.add(str(each), each.name, filter=_no_program)
                for program in _programs(environment):
                    _add_program(archive, program, environment)
            # Another run may pack it at the same time: a reader sees either as a whole.
            moved = environment / f"{_ENVIRONMENT_FILE}.{os.getpid()}"
            partial.rename(moved)
            moved.replace(kept)
        return kept

    def modules(self, work: Path) -> Path:
        """Return the script's modules as an archive that executors import from."""
        file = self._folder / "aml_modules.zip"
        with zipfile.ZipFile(str(file), "w") as archive:
            for source in _python_files(work):
                archive.write(str(source), source.relative_to(work).as_posix())
        return file

    def run(self) -> Path:
        """Return the working folder, the inputs and our `azureml` package as one archive."""
        file = self._folder / f"{self.RUN}.tar.gz"
        with tarfile.open(str(file), "w:gz", compresslevel=_FASTEST) as archive:
            for name, source in self._sent():
                archive.add(str(source), name)
        return file

    def _sent(self) -> Iterator[tuple[str, Path]]:
        for each in sorted((self._root / "work").iterdir()):
            if each.name not in _NOT_SENT:
                yield f"work/{each.name}", each
        for name in _SENT:
            if (self._root / name).is_dir():
                yield name, self._root / name
        site = site_of(os.environ)
        for name in PARTS if site is not None else ():
            source = Path(str(site)).parent / name
            if source.is_dir():
                yield f"site/{name}", source


def site_of(environ: Mapping[str, str]) -> Path | None:
    """Return the folder with our `azureml` package, if it comes first on the script's path."""
    if "AML_AZUREML" not in environ:
        return None
    return Path(environ["PYTHONPATH"].split(os.pathsep)[0])


def own_variables(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the variables that a driver on another machine needs: the run's, not the machine's."""
    wanted = {name for name in environ if name.startswith(_OWN)} | set(names)
    found = {name: environ[name] for name in wanted if name in environ and name != "PYTHONPATH"}
    proxy = {name: environ[name] for name in ("NO_PROXY", "no_proxy") if name in environ}
    return {**found, **proxy, "PYTHONUNBUFFERED": "1"}


def _python_files(work: Path) -> Iterator[Path]:
    for above, folders, files in os.walk(str(work)):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        if Path(above) == work:
            folders[:] = [name for name in folders if name not in _NOT_SENT]
        yield from (Path(above, name) for name in sorted(files) if name.endswith(".py"))


def _no_program(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if info.isfile() and Path(info.name).parent == Path(_PROGRAMS) else info


def _programs(environment: Path) -> Iterator[Path]:
    folder = environment / _PROGRAMS
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        if each.is_file() and not each.is_symlink():
            yield each


def _add_program(archive: tarfile.TarFile, program: Path, environment: Path) -> None:
    """Add a program; one that a Python of the environment runs gets the one beside it."""
    content = program.read_bytes()
    first, _, rest = content.partition(b"\n")
    start = b"#!" + os.fsencode(str(environment / _PROGRAMS)) + b"/"
    if first.startswith(start + b"python"):
        content = _STARTS_BESIDE % first[len(start) :].split()[0] + rest
    info = archive.gettarinfo(str(program), f"{_PROGRAMS}/{program.name}")
    info.type, info.linkname, info.size = tarfile.REGTYPE, "", len(content)
    archive.addfile(info, io.BytesIO(content))
