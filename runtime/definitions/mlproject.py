"""Reads MLflow Projects: the file `MLproject`, an entry point and its parameters → a run spec.

As in MLflow: `{name}` in a command is a parameter, quoted for the shell; parameters that the entry
point does not declare are appended as `--name value`; a script is an entry point by its own name.
"""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.load import nearest
from runtime.definitions.keys import Key, Meaning, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file
from runtime.environments.declarations import read_declaration
from runtime.environments.requirements import included_file
from runtime.model.environments import EnvironmentSpec, ImageSpec
from runtime.model.launching import DockerOptions
from runtime.model.runs import RunSpec

MAIN: Final = "main"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_NUMBERS: Final = frozenset({"float", "int", "integer"})
"""MLflow documents `float` alone and checks none; people write the others too."""
_TYPES: Final = ("string", "path", "uri", *sorted(_NUMBERS))
_URI: Final = re.compile(r"\w+://")
_RUNNERS: Final = {".py": "python", ".sh": "bash"}
_ENVIRONMENTS: Final = ("conda_env", "python_env", "docker_env")
PROJECT: Final = (
    Key("name", "text", "The experiment, unless the command line names one."),
    Key("conda_env", "text", "The conda file."),
    Key("python_env", "text", "The file with a Python version and pip packages."),
    Key("docker_env", "map", "The image."),
    Key("docker_env.image", "text", "The image's name."),
    Key("docker_env.volumes", "list", "Volumes, as docker's `-v` takes them."),
    Key("docker_env.environment", "list", "Names to pass on, or pairs of a name and a value."),
    Key("entry_points", "map", "The commands, by name."),
    Key("entry_points.*", "map", "A command."),
    Key("entry_points.*.command", "text", "A line for bash, with `{parameter}`."),
    Key("entry_points.*.parameters", "map", "Its parameters."),
    Key("entry_points.*.parameters.*", "text|map", "A parameter's type, or what is below."),
    Key("entry_points.*.parameters.*.type", "text", "string, float, int, path or uri."),
    Key("entry_points.*.parameters.*.default", "any", "Its value where none is given."),
    Key("target_uri", "text", "Results are logged to the run.", Meaning.NO_EFFECT),
    Key("databricks_spark_job", "map", "Databricks cannot run projects yet.", Meaning.REFUSED),
)
"""The keys of an `MLproject`."""
_PYTHON_ENVIRONMENT: Final = (
    Key("python", "text", "The Python version."),
    Key("build_dependencies", "list", "Packages that are installed first."),
    Key("dependencies", "list", "Packages, or `-r FILE`."),
    Key("name", "text", "A name for people.", Meaning.NO_EFFECT),
)


def read_project(
    file: Path,
    entry_point: str,
    given: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> RunSpec:
    """Return the run of an entry point. Raises ``DefinitionError`` with every problem.

    ``given`` are parameters, by name; ``environ`` has the variables that a project passes on.
    """
    problems = Problems(file)
    document = read_file(file, problems)
    problems.raise_any()
    if document is None or not (document.is_map or document.is_null):
        raise DefinitionError(
            "It is not a map of keys and values.", remedy="Write `entry_points: …`.", at=str(file)
        )
    check_keys(document, PROJECT, problems, noun="an MLflow project")
    reading = _Reading(document, file, problems, given)
    spec = RunSpec(
        script="",
        source_directory=file.parent,
        command=reading.command(entry_point),
        environment=reading.environment(),
        variables=reading.variables(environ),
        docker=reading.docker(),
        origins={"command": f"{file}:{reading.line}"},
    )
    name = document.get("name")
    if name is not None:
        spec = replace(spec, experiment=re.sub(r"[^\w-]+", "-", name.text, flags=re.ASCII))
    problems.raise_any()
    return spec


@dataclass(slots=True)
class _Reading:
    document: Located
    file: Path
    problems: Problems
    given: Mapping[str, str]
    line: int = 1

    def command(self, name: str) -> str:
        """Return the command of an entry point, with its parameters."""
        points = self.document.get("entry_points")
        point = points.entries.get(name) if points else None
        if point is None:
            return self._script(name)
        self.line = point.line
        command = point.get("command")
        if command is None:
            self.problems.at_line(
                point.line, f"Entry point {name!r} has no `command`.", "Write one."
            )
            return ""
        declared = point.get("parameters")
        values = self._values(declared.entries if declared else {}, point.line)
        named = _PARAMETER.findall(command.text)
        for missing in dict.fromkeys(each for each in named if each not in values):
            if declared is None or missing not in declared.entries:
                hint = nearest(missing, dict.fromkeys(values), noun="parameter")
                what = f"The command uses {{{missing}}}, which is not a parameter."
                self.problems.at_line(command.line, what, hint)
        text = _PARAMETER.sub(lambda match: shlex.quote(values.get(match[1], "")), command.text)
        extra = [key for key in self.given if declared is None or key not in declared.entries]
        return " ".join([text.rstrip("\n"), *_options({key: values[key] for key in extra})])

    def _script(self, name: str) -> str:
        """Return the command of a script that is named as an entry point."""
        runner = _RUNNERS.get(Path(name).suffix)
        points = self.document.get("entry_points")
        if runner is None or not (self.file.parent / name).is_file():
            known = dict.fromkeys(points.entries if points else ())
            hint = nearest(name, known, noun="entry point")
            self.problems.at_line(1, f"There is no entry point {name!r}.", hint)
            return ""
        return " ".join([runner, shlex.quote(name), *_options(self.given)])

    def _values(self, declared: Mapping[str, Located], line: int) -> Mapping[str, str]:
        """Return the value of every parameter, declared ones checked against their types."""
        values = dict(self.given)
        for name, parameter in declared.items():
            kind = parameter.get("type") if parameter.is_map else parameter
            word = kind.text if kind is not None and not kind.is_null else "string"
            default = parameter.get("default") if parameter.is_map else None
            if word not in _TYPES:
                hint = nearest(word, dict.fromkeys(_TYPES), noun="type")
                self.problems.at_line(
                    parameter.line, f"Parameter {name!r} has type {word!r}.", hint
                )
            elif name in values:
                values[name] = self._checked(name, word, values[name], line, Path())
            elif default is None:
                todo = f"Give it with `-P {name}=VALUE`."
                self.problems.at_line(parameter.line, f"Parameter {name!r} has no value.", todo)
            else:
                text = self._checked(name, word, default.text, default.line, self.file.parent)
                values[name] = text
        return values

    def _checked(self, name: str, kind: str, text: str, line: int, folder: Path) -> str:
        """Return a value as the command gets it: a local path is absolute."""
        if kind in _NUMBERS and not _is_number(text):
            what = f"Parameter {name!r} is {text!r}, which is not a number."
            self.problems.at_line(line, what, f"Give a number with `-P {name}=…`.")
        if kind == "path" and not _URI.match(text):
            path = Path(os.path.abspath(folder / text))  # noqa: PTH100 - links are not followed
            if not path.exists():
                what = f"Parameter {name!r} is a path, and there is nothing at {path}."
                self.problems.at_line(line, what, f"Give another with `-P {name}=…`.")
            return str(path)
        if kind == "uri" and not _URI.match(text) and (folder / text).exists():
            return str((folder / text).absolute())
        return text

    # --- the environment

    def environment(self) -> EnvironmentSpec | None:
        """Return the environment; ``None`` for a project that declares none."""
        named = [key for key in _ENVIRONMENTS if self.document.get(key)]
        if len(named) > 1:
            what = f"The project has {' and '.join(f'`{key}`' for key in named)}."
            self.problems.at_line(self.document.entries[named[1]].line, what, "Keep one of them.")
        conda, python = self.document.get("conda_env"), self.document.get("python_env")
        if conda is not None:
            file = self._beside(conda)
            return read_declaration(file) if file else None
        if python is not None:
            file = self._beside(python)
            return self._python_environment(file, python.line) if file else None
        image = self.document.get("docker_env", "image")
        if image is not None:
            source = f"{self.file}:{image.line}"
            return EnvironmentSpec("user_managed", image=ImageSpec(image.text), source=source)
        if self.document.get("docker_env"):
            line = self.document.entries["docker_env"].line
            self.problems.at_line(line, "`docker_env` has no `image`.", "Write `image: NAME`.")
        return None

    def _beside(self, given: Located) -> Path | None:
        file = self.file.parent / given.text
        if not file.is_file():
            what = f"There is no file {given.text!r} beside the project."
            self.problems.at_line(given.line, what, "Correct the path.")
            return None
        return file

    def _python_environment(self, file: Path, line: int) -> EnvironmentSpec | None:
        own = Problems(file)
        document = read_file(file, own)
        if document is not None:
            check_keys(document, _PYTHON_ENVIRONMENT, own, noun="a Python environment")
        lines: list[str] = []
        for key in ("build_dependencies", "dependencies"):
            listed = document.get(key) if document else None
            for item in listed.items if listed else ():
                included = included_file(item.text)
                lines += self._included(file, included, item, own) if included else [item.text]
        for each in own.found:
            self.problems.at_line(
                line, f"{file.name}, line {each.at.line}: {each.message}", each.remedy
            )
        version = document.get("python") if document else None
        return EnvironmentSpec(
            "pip",
            requirements="".join(f"{each}\n" for each in lines),
            python=version.text if version else None,
            source=str(file),
        )

    def _included(self, file: Path, name: str, item: Located, own: Problems) -> list[str]:
        included = file.parent / name
        if not included.is_file():
            own.at_line(item.line, f"There is no file {name!r}.", "Correct the path.")
            return []
        return (read_declaration(included).requirements or "").splitlines()

    def variables(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables of a docker environment; some are copied from this machine's."""
        given = self.document.get("docker_env", "environment")
        variables: dict[str, str] = {}
        for each in given.items if given else ():
            match [item.text for item in each.items] if each.is_list else [each.text]:
                case [name, value]:
                    variables[name] = value
                case [name] if name in environ:
                    variables[name] = environ[name]
                case [name] if name:
                    todo = f"Set it before you submit, or write `[{name}, VALUE]`."
                    self.problems.at_line(each.line, f"The variable {name} is not set here.", todo)
                case _:
                    todo = "Write a name, or `[NAME, VALUE]`."
                    self.problems.at_line(
                        each.line, "A variable is neither a name nor a pair.", todo
                    )
        return variables

    def docker(self) -> DockerOptions:
        """Return the options of docker."""
        volumes = self.document.get("docker_env", "volumes")
        flags = [flag for each in (volumes.items if volumes else ()) for flag in ("-v", each.text)]
        use = True if self.document.get("docker_env") else None
        return DockerOptions(use=use, arguments=tuple(flags))


def _options(parameters: Mapping[str, str]) -> list[str]:
    return [word for key, value in parameters.items() for word in (f"--{key}", shlex.quote(value))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
