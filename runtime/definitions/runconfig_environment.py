"""The environment of a run configuration: what is installed, the image, Spark's packages."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from runtime.definitions.finding import listed, named_file, named_file_places
from runtime.definitions.inline_conda import inline_conda
from runtime.definitions.problems import Problems
from runtime.definitions.shapes import Read, part
from runtime.environments.declarations import read_declaration
from runtime.model.environments import (
    EnvironmentSpec,
    ImageSpec,
    MavenPackage,
    Registry,
    SparkPackages,
)
from runtime.model.redaction import MASK

_PYTHON: Final = ("environment", "python")
_DOCKER: Final = ("environment", "docker")
_REFERENCES: Final = ("env:", "file:")
_LISTED: Final = Path(".conda", "environments.txt")


@dataclass(frozen=True, slots=True)
class EnvironmentReader:
    """Reads the section ``environment`` of a canonical document."""

    read: Read
    file: Path
    project: Path
    problems: Problems
    environ: Mapping[str, str]

    def environment(
        self, image: ImageSpec | None, spark: SparkPackages | None
    ) -> EnvironmentSpec | None:
        """Return what the file declares, ``None`` if it declares nothing to install."""
        section = part(self.read.values, "environment")
        python = part(section, "python")
        base = python.get("baseCondaEnvironment")
        if python.get("userManagedDependencies"):
            interpreter = self._conda_interpreter(str(base)) if base else None
            declared = EnvironmentSpec(
                "user_managed",
                interpreter=interpreter or str(python.get("interpreterPath") or "python"),
                source=str(self.file),
            )
        else:
            if base:
                self.problems.add(
                    f"`baseCondaEnvironment` {base!r} cannot be built upon.",
                    remedy="Set `userManagedDependencies: true` to use it as it is, or remove it.",
                    at=self.read.place(*_PYTHON, "baseCondaEnvironment"),
                )
            found = self._conda(python)
            if found is None:
                return None
            declared = found
        return EnvironmentSpec(
            declared.kind,
            interpreter=declared.interpreter,
            conda=declared.conda,
            requirements=declared.requirements,
            source=declared.source,
            name=section.get("name"),
            version=section.get("version"),
            image=image,
            spark=spark,
            lines_above=declared.lines_above,
        )

    def _conda(self, python: Document) -> EnvironmentSpec | None:
        named, inline = python.get("condaDependenciesFile"), python.get("condaDependencies")
        if named:
            found = named_file(
                str(named),
                self.file,
                self.project,
                key="condaDependenciesFile",
                at=self.read.place(*_PYTHON, "condaDependenciesFile"),
                problems=self.problems,
            )
            return read_declaration(found) if found else None
        if not inline:
            return None
        if not isinstance(inline, Mapping):
            self.problems.add(
                "`condaDependencies` is not a conda document.",
                remedy="Write a map with `dependencies:`.",
                at=self.read.place(*_PYTHON, "condaDependencies"),
            )
            return None
        place = self.read.place(*_PYTHON, "condaDependencies")
        # The section may be in a file of its own.
        file, line = (Path(place.file), place.line) if place else (self.file, 0)
        text, above = inline_conda(file, line, dict(inline))
        return EnvironmentSpec("conda", conda=text, source=str(file), lines_above=above)

    def _conda_interpreter(self, name: str) -> str | None:
        """Return the interpreter of an existing conda environment; a miss names every place."""
        places = [folder / "bin" / "python" for folder in conda_folders(name, self.environ)]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            self.problems.add(
                f"There is no conda environment {name!r}: looked for {listed(places)}.",
                remedy="Write its folder, or set `interpreterPath` to its Python.",
                at=self.read.place(*_PYTHON, "baseCondaEnvironment"),
            )
            return None
        return str(found)

    def image(self) -> ImageSpec | None:
        """Return what the image is made from, ``None`` if the file names none."""
        docker = part(part(self.read.values, "environment"), "docker")
        context = part(docker, "buildContext")
        given = [
            name
            for name, value in (
                ("baseImage", docker.get("baseImage")),
                ("baseDockerfile", docker.get("baseDockerfile")),
                ("buildContext", context.get("location")),
            )
            if value
        ]
        for extra in given[1:]:
            self.problems.add(
                f"Both `{given[0]}` and `{extra}` are given; an image is made from one of them.",
                remedy="Keep one, and set the other to null.",
                at=self.read.place(*_DOCKER, extra),
            )
        registry = self._registry(part(docker, "baseImageRegistry"))
        match given[:1]:
            case ["baseImage"]:
                return ImageSpec(name=str(docker["baseImage"]), registry=registry)
            case ["baseDockerfile"]:
                text = self._dockerfile(str(docker["baseDockerfile"]))
                return ImageSpec(dockerfile=text, registry=registry) if text else None
            case ["buildContext"]:
                return self._context(context, registry)
        return None

    def _registry(self, section: Document) -> Registry | None:
        address, user = section.get("address"), section.get("username")
        if user and not section.get("password"):
            self.problems.add(
                "`baseImageRegistry` has a username and no password.",
                remedy="Write `password: env:NAME`, the name of a variable that holds it.",
                at=self.read.place(*_DOCKER, "baseImageRegistry", "username"),
            )
        if user and not address:
            self.problems.add(
                "`baseImageRegistry` has a username and no address.",
                remedy="Write `address: NAME.azurecr.io`.",
                at=self.read.place(*_DOCKER, "baseImageRegistry", "username"),
            )
        return Registry(str(address), user, section.get("password")) if address else None

    def _dockerfile(self, text: str) -> str | None:
        """Return the text of a Dockerfile, which is given as it is or as a path."""
        if "\n" in text.strip() or text.lstrip().upper().startswith(("FROM ", "ARG ", "#")):
            return text
        at = self.read.place(*_DOCKER, "baseDockerfile")
        found = named_file(
            text, self.file, self.project, key="baseDockerfile", at=at, problems=self.problems
        )
        return found.read_text(encoding="utf-8") if found else None

    def _context(self, section: Document, registry: Registry | None) -> ImageSpec | None:
        location = str(section["location"])
        places = named_file_places(location, self.file, self.project)
        folder = next((place for place in places if place.is_dir()), None)
        if folder is None:
            self.problems.add(
                f"`buildContext` {location!r} is not a folder: looked for {listed(places)}.",
                remedy="Copy the context into the project, and write its folder.",
                at=self.read.place(*_DOCKER, "buildContext", "location"),
            )
            return None
        dockerfile = str(section.get("dockerfilePath") or "Dockerfile")
        if not (folder / dockerfile).is_file():
            self.problems.add(
                f"`buildContext` has no file {dockerfile!r}: looked for {folder / dockerfile}.",
                remedy="Fix `dockerfilePath`, which is relative to the context.",
                at=self.read.place(*_DOCKER, "buildContext", "dockerfilePath"),
            )
            return None
        return ImageSpec(context=str(folder), dockerfile_path=dockerfile, registry=registry)

    def spark(self) -> SparkPackages | None:
        """Return Spark's packages, ``None`` without any."""
        section = part(part(self.read.values, "environment"), "spark")
        repositories = tuple(section.get("repositories") or ())
        packages = []
        for number, each in enumerate(section.get("packages") or ()):
            missing = [key for key in ("group", "artifact", "version") if not each.get(key)]
            if missing:
                self.problems.add(
                    f"Spark package {number + 1} has no {' and no '.join(missing)}.",
                    remedy="Write `group`, `artifact` and `version`.",
                    at=self.read.place("environment", "spark", "packages", number),
                )
            else:
                packages.append(MavenPackage(each["group"], each["artifact"], each["version"]))
        return SparkPackages(repositories, tuple(packages)) if packages or repositories else None


def without_password(document: Document) -> Document:
    """Return a canonical document whose registry's password can be shown."""
    environment = part(document, "environment")
    docker = part(environment, "docker")
    registry = part(docker, "baseImageRegistry")
    password = registry.get("password")
    if not password or str(password).startswith(_REFERENCES):
        return document
    docker = {**docker, "baseImageRegistry": {**registry, "password": MASK}}
    return {**document, "environment": {**environment, "docker": docker}}


def conda_folders(name: str, environ: Mapping[str, str]) -> list[Path]:
    """Return the folders that may hold the conda environment ``name``, which may be a path."""
    if os.sep in name:
        return [Path(name).expanduser()]
    home = Path(environ.get("HOME", "~")).expanduser()
    roots = [Path(each) for each in environ.get("CONDA_ENVS_PATH", "").split(os.pathsep) if each]
    if environ.get("CONDA_EXE"):
        roots.append(Path(environ["CONDA_EXE"]).parents[1] / "envs")
    roots += [
        home / distribution / "envs"
        for distribution in (".conda", "miniconda3", "miniforge3", "mambaforge", "anaconda3")
    ]
    listing = home / _LISTED
    known = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    return [
        *(root / name for root in roots),
        *(Path(line) for line in known if Path(line).name == name),
    ]
