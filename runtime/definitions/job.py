"""Reads command jobs of CLI v2 as run specs: `job.yml` → the run, or every problem at once."""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from infra.catalogue.names import RULES
from infra.contract.errors import DefinitionError
from infra.contract.load import nearest
from runtime.definitions.batch_options import batch_options
from runtime.definitions.databricks_options import databricks_options
from runtime.definitions.job_data import NAME, JobData, literal_text, read_data
from runtime.definitions.job_environment import read_environment
from runtime.definitions.job_expressions import (
    Literal,
    exported,
    in_shell,
    in_text,
    is_open,
    outside_groups,
    references,
    with_groups,
)
from runtime.definitions.job_keys import COMMAND_JOB
from runtime.definitions.keys import Unused, check_keys
from runtime.definitions.located import Located, folder_of
from runtime.definitions.problems import Problems, place_of
from runtime.definitions.reading import read_file
from runtime.definitions.settings_given import Setting, with_settings
from runtime.model.launching import Distribution, DockerOptions
from runtime.model.runs import MAX_DURATION_S, RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions

_PLACEHOLDER: Final = re.compile(r"<[^<>=\n]+>")
_COMPUTE_ID: Final = re.compile(r"(?:azureml:)?/subscriptions/.+/computes/(?P<name>[^/]+)")
_WORKSPACE: Final = re.compile(
    r"(?:azureml:)?/*(subscriptions/[^/]+/resource[gG]roups/[^/]+"
    r"(?:/providers/[^/]+)?/workspaces/[^/]+)/"
)
_SERVERLESS: Final = frozenset({"serverless", "azureml:serverless"})
_WHERE: Final = {
    "search_space": "Only the trial of a sweep job has a search space.",
    "parent": "Only a job of a pipeline has a parent.",
}
_DISTRIBUTIONS: Final = ("mpi", "pytorch", "tensorflow")
_NAMED: Final = (
    *(("name",), ("experiment_name",), ("compute",), ("code",), ("inputs",), ("outputs",)),
    ("environment", "image"),
)
"""The keys whose values name something: a text in angle brackets there is a placeholder."""
_TYPE: Final = "command"
_SIZE: Final = re.compile(r"\d+[bkmgBKMG]")


@dataclass(frozen=True, slots=True)
class JobFile:
    """A command job. ``target`` and ``name``, the run's id, are ``None`` where it has none.

    ``has_code`` is false for a job that sends no files: whoever submits it gives an empty folder as
    its source directory. ``unused`` are the keys without effect.
    ``workspaces`` are the workspaces that it names by their ids, and the lines.
    """

    file: Path
    spec: RunSpec
    target: str | None
    name: str | None
    has_code: bool
    unused: tuple[Unused, ...] = ()
    workspaces: Sequence[tuple[str, int]] = field(default_factory=tuple)


def read_job(file: Path, settings: Sequence[Setting] = ()) -> JobFile:
    """Read a command job. Raises ``DefinitionError`` with every problem.

    ``settings`` are what `--set` gave; they replace what the file says.
    """
    problems = Problems(file)
    document = read_job_document(file, problems, settings)
    if document is None:
        problems.raise_any()
        raise DefinitionError("It is empty.", remedy="Write a job.", at=str(file))
    found = job_of(document, file.parent, problems)
    problems.raise_any()
    return found


def job_of(
    document: Located,
    folder: Path,
    problems: Problems,
    search_space: Sequence[str] = (),
    *,
    noun: str = "a command job",
) -> JobFile:
    """Return the command job that a document is, such as a step of a pipeline.

    Problems are added; paths are relative to their file, or ``folder``. ``search_space`` are the
    parameters of the sweep that it is the trial of: their expressions stay in its texts as they
    are. ``noun`` is what messages call it.
    """
    unused = check_keys(document, COMMAND_JOB, problems, noun=noun)
    return _Reading(document, folder, problems, search_space).job(Path(problems.file), unused)


def read_job_document(
    file: Path, problems: Problems, settings: Sequence[Setting] = ()
) -> Located | None:
    """Return the document of a job with its settings; ``None``, with the problem, without one."""
    document = read_file(file, problems)
    if document is not None and not document.is_map:
        problems.at_line(
            document.line, "It is not a map of keys and values.", "Write `command: …`."
        )
        return None
    return document and with_settings(document, settings)


@dataclass(frozen=True, slots=True)
class _Reading:
    document: Located
    folder: Path
    problems: Problems
    search_space: Sequence[str] = ()

    def job(self, file: Path, unused: tuple[Unused, ...]) -> JobFile:
        """Return the job; problems are added, and what they concern is left at its default."""
        self._check_type()
        self._refuse_placeholders()
        data = read_data(self.document, self.folder, self.problems)
        kept = {
            f"search_space.{name}": f"${{{{search_space.{name}}}}}" for name in self.search_space
        }
        literals = {name: Literal(text) for name, text in kept.items()}
        data = replace(data, values={**data.values, **literals})
        code, has_code = self._code()
        environment = self.document.get("environment")
        nodes = self._number(("resources", "instance_count"), 1, least=1)
        variables, exports = self._variables(data)
        spec = RunSpec(
            script="",
            source_directory=code,
            command="\n".join([*exports, self._command(data)]),
            experiment=self._experiment(),
            environment=read_environment(environment, self.folder, self.problems)
            if environment
            else None,
            variables=variables,
            node_count=nodes,
            max_duration_s=self._number(("limits", "timeout"), MAX_DURATION_S, least=1),
            display_name=self._text("display_name"),
            description=self._text("description"),
            tags=self._texts("tags"),
            properties=self._texts("properties"),
            gpus=self._number(("resources", "gpus"), 0, least=1),
            distribution=self._distribution(nodes),
            docker=self._docker(),
            inputs=data.inputs,
            outputs=data.outputs,
            databricks=self._databricks(),
            batch=self._batch(),
            origins=self._origins(file),
        )
        target = self._target()
        return JobFile(
            file,
            replace(spec, target=target or spec.target),
            target,
            self._name(),
            has_code,
            unused,
            tuple(self._workspaces()),
        )

    # --- text

    def _text(self, key: str) -> str | None:
        value = self.document.get(key)
        return value.text if value is not None and not value.is_map else None

    def _texts(self, key: str) -> Mapping[str, str]:
        value = self.document.get(key)
        return {name: each.text for name, each in value.entries.items()} if value else {}

    def _check_type(self) -> None:
        kind = self.document.get("type")
        if kind is not None and kind.text != _TYPE:
            what = f"`type` is {kind.text!r}."
            self.problems.at_line(kind.line, what, f"Write `type: {_TYPE}`, or leave it out.")

    def _refuse_placeholders(self) -> None:
        for path in _NAMED:
            value = self.document.get(*path)
            for each in value.scalars() if value else ():
                if _PLACEHOLDER.search(each.text):
                    what = f"{each.text!r} is a placeholder."
                    self.problems.at_line(each.line, what, "Write a value in its place.")

    def _name(self) -> str | None:
        return self._ruled("name", "job", "The name is the run's id.")

    def _experiment(self) -> str:
        return self._ruled("experiment_name", "experiment", "It groups runs.") or "Default"

    def _ruled(self, key: str, rule: str, why: str) -> str | None:
        """Return a name, which has to keep a rule."""
        name = self.document.get(key)
        if name is None or name.is_map:
            return None
        problem = RULES[rule].problem(name.text)
        if problem:
            self.problems.at_line(name.line, problem, why)
        return name.text

    def _workspaces(self) -> Sequence[tuple[str, int]]:
        found = ((_WORKSPACE.match(each.text), each.line) for each in self.document.scalars())
        return [(f"/{match[1]}", line) for match, line in found if match]

    # --- where

    def _target(self) -> str | None:
        compute = self.document.get("compute")
        if compute is None or compute.is_map:
            return None
        text = compute.text.strip()
        if text in _SERVERLESS:
            return None
        found = _COMPUTE_ID.fullmatch(text)
        if (found is None and "/" in text) or "${{" in text:
            self.problems.at_line(
                compute.line, f"The compute {text!r} cannot be used.", "Write `azureml:NAME`."
            )
        return found["name"] if found else text.removeprefix("azureml:")

    def _code(self) -> tuple[Path, bool]:
        """Return the folder that is sent, and whether there is one."""
        code = self.document.get("code")
        if code is None or code.is_map:
            return self.folder, code is not None
        text = code.text.strip()
        if text.startswith(("azureml:", "azureml://", "git+", "http://", "https://")):
            what = f"The code {text!r} is not a local folder."
            self.problems.at_line(
                code.line, what, "Write the path of a folder, such as `code: ./src`."
            )
            return self.folder, True
        beside = folder_of(code.line, self.folder)
        folder = Path(os.path.normpath(beside / text.removeprefix("file:")))
        if not folder.is_dir():
            is_file = folder.is_file()
            what = f"`code` is a file: {text}." if is_file else f"There is no folder {text!r}."
            near = [each.name for each in beside.glob("*/")] if beside.is_dir() else []
            todo = (
                f"Write its folder: `code: {os.path.dirname(text) or '.'}`."  # noqa: PTH120
                if is_file
                else nearest(folder.name, dict.fromkeys(near), noun="folder beside the job")
            )
            self.problems.at_line(code.line, what, todo)
            return self.folder, True  # so that it is not named again
        return folder, True

    # --- the command

    def _command(self, data: JobData) -> str:
        command = self.document.get("command")
        if command is None or not command.text.strip():
            line = command.line if command else self.document.line
            self.problems.at_line(
                line, "The job has no `command`.", "Write `command: python FILE`."
            )
            return ""
        if is_open(command.text):
            what = "The command has a `$[[` or a `${{` without its end."
            self.problems.at_line(command.line, what, "Close it with `]]` or `}}`.")
            return ""
        required = set(references(outside_groups(command.text)))
        if not self._known(command, data, required):
            return ""
        text = with_groups(command.text, data.values).rstrip("\n")
        return in_shell(text, data.values)

    def _known(self, at: Located, data: JobData, required: set[str]) -> bool:
        """Return whether every expression means something; those of a group may be absent."""
        wrong = False
        for name in dict.fromkeys(references(at.text)):
            kind, _, rest = name.partition(".")
            value = data.values.get(name)
            if name in data.values and (value is not None or name not in required):
                continue
            if name in data.values:
                todo = "Give it a value, or write `$[[ … ]]` around its part of the command."
                self.problems.at_line(at.line, f"`${{{{{name}}}}}` has no value.", todo)
            elif kind not in {"inputs", "outputs"} or not rest:
                todo = _WHERE.get(kind, "Use ${{inputs.NAME}} or ${{outputs.NAME}}.")
                if kind == "search_space" and self.search_space:
                    todo = nearest(rest, dict.fromkeys(self.search_space), noun="parameter")
                self.problems.at_line(at.line, f"`${{{{{name}}}}}` has no meaning here.", todo)
            elif name in required or self._resembles(name, at, data):
                todo = nearest(name, data.values, noun="input or output")
                self.problems.at_line(at.line, f"The job does not declare `{name}`.", todo)
            else:
                continue
            wrong = True
        return not wrong

    def _resembles(self, name: str, at: Located, data: JobData) -> bool:
        """Return whether an undeclared name in a group is rather a misspelt one, used nowhere."""
        unused = set(data.values) - set(references(at.text))
        return bool(get_close_matches(name, unused, n=1, cutoff=0.8))

    def _variables(self, data: JobData) -> tuple[Mapping[str, str], Sequence[str]]:
        """Return the variables, and the lines that set those with the path of data."""
        variables, exports = dict[str, str](), list[str]()
        given = self.document.get("environment_variables")
        for name, value in given.entries.items() if given else ():
            text = literal_text(value)
            if value.is_map or not NAME.fullmatch(name):
                what = f"{name!r} is not a variable with a text."
                self.problems.at_line(value.line, what, "Write `NAME: text`.")
            elif self._known(value, data, set(references(text)) - set(data.values)):
                known = in_text(text, data.values)
                if known is None:
                    exports.append(exported(name, text, data.values))
                else:
                    variables[name] = known
        return variables, exports

    # --- how

    def _number(self, path: tuple[str, ...], default: int, *, least: int) -> int:
        value = self.document.get(*path)
        if value is None or not isinstance(value.value, int):
            return default
        if value.value < least:
            what = f"`{'.'.join(path)}` is {value.text}."
            self.problems.at_line(value.line, what, f"Write a number from {least} on.")
        return value.value

    def _distribution(self, nodes: int) -> Distribution | None:
        given = self.document.get("distribution")
        kind = given and given.get("type")
        if given is None or not given.is_map or kind is None:
            if given is not None and given.is_map:
                hint = f"Use one of: {', '.join(_DISTRIBUTIONS)}."
                self.problems.at_line(given.line, "`distribution` has no `type`.", hint)
            return None
        name = kind.text.lower()
        if name not in _DISTRIBUTIONS:
            hint = nearest(kind.text, dict.fromkeys(_DISTRIBUTIONS), noun="distribution")
            self.problems.at_line(kind.line, f"The distribution {kind.text!r} cannot be run.", hint)
            return None

        def count(key: str, default: int) -> int:
            return self._number(("distribution", key), default, least=0)

        processes = count("process_count_per_instance", 1)
        match name:
            case "mpi":
                return Distribution("mpi", processes_per_node=processes)
            case "pytorch":
                return Distribution(
                    "pytorch", processes_per_node=processes, processes=processes * nodes
                )
        workers = count("worker_count", nodes)
        servers = count("parameter_server_count", 0)
        return Distribution("tensorflow", workers=workers, parameter_servers=servers)

    def _docker(self) -> DockerOptions:
        size, given = self.document.get("resources", "shm_size"), DockerOptions()
        if size is not None:
            if not _SIZE.fullmatch(size.text):
                what = f"`resources.shm_size` is {size.text!r}."
                self.problems.at_line(size.line, what, "Write a number and b, k, m or g: `2g`.")
            given = replace(given, shm_size=size.text)
        arguments = self.document.get("resources", "docker_args")
        if arguments is not None:
            listed = [each.text for each in arguments.items] or shlex.split(arguments.text)
            given = replace(given, arguments=tuple(listed))
        return given

    def _databricks(self) -> DatabricksOptions | None:
        given = self.document.get("databricks")
        if given is None or not given.is_map:
            return None
        options, problems = databricks_options(
            {name: value.plain() for name, value in given.entries.items()}
        )
        for each in problems:
            self.problems.at_line(given.entries[each.name].line, each.what, each.remedy)
        return options

    def _batch(self) -> BatchOptions | None:
        given = self.document.get("batch")
        if given is None or not given.is_map:
            return None
        options, problems = batch_options({n: v.plain() for n, v in given.entries.items()})
        for each in problems:
            self.problems.at_line(given.entries[each.name].line, each.what, each.remedy)
        return options

    def _origins(self, file: Path) -> Mapping[str, str]:
        lines = {
            name: value.line
            for name, path in _ORIGINS.items()
            if (value := self.document.get(*path)) is not None
        }
        for kind in ("inputs", "outputs"):
            given = self.document.get(kind)
            named = given.entries.items() if given else ()
            lines |= {f"{kind}.{name}": value.line for name, value in named}
        return {name: str(place_of(line, file)) for name, line in lines.items()}


_ORIGINS: Final = {
    "command": ("command",),
    "source_directory": ("code",),
    "target": ("compute",),
    "experiment": ("experiment_name",),
    "environment": ("environment",),
    "variables": ("environment_variables",),
    "node_count": ("resources", "instance_count"),
    "max_duration_s": ("limits", "timeout"),
    "distribution": ("distribution",),
    "docker": ("resources", "shm_size"),
    "gpus": ("resources", "gpus"),
    "databricks": ("databricks",),
    "batch": ("batch",),
    "inputs": ("inputs",),
    "outputs": ("outputs",),
}
"""The field of a spec → the key that sets it."""
