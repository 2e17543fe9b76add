"""The public Python interface: submit runs and look at them, in the words of Azure ML's SDK.

A thin layer over what `aml submit` uses; names and defaults are those of azureml-core, so that its
users find what they know. What it does not have it refuses by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from infra.catalogue.names import parse_arm_id
from infra.contract.errors import RunFailedError, UnknownNameError, UsageError
from infra.contract.load import nearest
from infra.contract.manifest import TargetEntry
from runtime.environments.declarations import read_declaration
from runtime.model.runs import MAX_DURATION_S, EnvironmentSpec, RunRecord, RunSpec
from runtime.model.states import RunState
from runtime.submit.collect import collect
from runtime.submit.prepare import choose_environment, script_path
from runtime.submit.session import Scene, set_scene
from runtime.submit.submitting import Submitter
from runtime.submit.watch import Ended, Logged, Watcher

__all__ = [
    "CondaDependencies",
    "Environment",
    "Experiment",
    "PythonSection",
    "Run",
    "RunConfiguration",
    "RunDetails",
    "ScriptRunConfig",
    "Workspace",
]

_LOCAL = "local"


@dataclass(slots=True)
class CondaDependencies:
    """The packages of an environment. Adding one replaces one of the same name."""

    conda_packages: list[str] = field(default_factory=list)
    pip_packages: list[str] = field(default_factory=list)
    python_version: str | None = None

    @classmethod
    def create(
        cls,
        conda_packages: Sequence[str] = (),
        pip_packages: Sequence[str] = (),
        python_version: str | None = None,
    ) -> "CondaDependencies":
        """Return the dependencies of the given packages."""
        return cls(list(conda_packages), list(pip_packages), python_version)

    def add_conda_package(self, package: str) -> None:
        self.conda_packages = _added(self.conda_packages, package)

    def add_pip_package(self, package: str) -> None:
        self.pip_packages = _added(self.pip_packages, package)

    def serialize_to_string(self) -> str:
        """Return the conda YAML document."""
        dependencies: list[Any] = [f"python={self.python_version}"] if self.python_version else []
        dependencies += self.conda_packages
        if self.pip_packages:
            dependencies.append({"pip": self.pip_packages})
        return yaml.safe_dump({"dependencies": dependencies}, sort_keys=False)


@dataclass(slots=True)
class PythonSection:
    """How Python comes to an environment. ``user_managed_dependencies``: nothing is built."""

    user_managed_dependencies: bool = False
    interpreter_path: str = "python"
    conda_dependencies: CondaDependencies | None = None


@dataclass(slots=True)
class Environment:
    """What is installed for a run. ``name`` never counts for what it is."""

    name: str
    python: PythonSection = field(default_factory=PythonSection)
    environment_variables: dict[str, str] = field(default_factory=dict)
    _declared: EnvironmentSpec | None = None

    @classmethod
    def from_conda_specification(cls, name: str, file_path: str | Path) -> "Environment":
        """Return the environment a conda YAML file declares."""
        return cls(name, _declared=read_declaration(Path(file_path)))

    @classmethod
    def from_pip_requirements(cls, name: str, file_path: str | Path) -> "Environment":
        """Return the environment a requirements file declares."""
        return cls(name, _declared=read_declaration(Path(file_path)))

    def spec(self) -> EnvironmentSpec | None:
        """Return what it declares, ``None`` where nothing was said."""
        if self.python.user_managed_dependencies:
            return EnvironmentSpec("user_managed", interpreter=self.python.interpreter_path)
        if self._declared is not None:
            return self._declared
        if self.python.conda_dependencies is None:
            return None
        document = self.python.conda_dependencies.serialize_to_string()
        return EnvironmentSpec("conda", conda=document, name=self.name)


class Workspace:
    """What one stack deployed."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        manifest = scene.targets.manifest()
        parts = parse_arm_id(manifest.workspace.id)
        self.id = manifest.workspace.id
        self.name = manifest.workspace.name
        self.location = manifest.workspace.location
        self.subscription_id = parts.subscription
        self.resource_group = parts.resource_group or ""
        self.compute_targets: Mapping[str, TargetEntry] = manifest.targets

    @classmethod
    def from_config(
        cls, path: str | Path | None = None, *, stack: str | None = None
    ) -> "Workspace":
        """Return the workspace of a stack (else the selected one), or of a manifest at ``path``.

        Raises ``NotDeployedError`` where nothing was deployed.
        """
        return cls(set_scene(stack, None if path is None else Path(path)))

    @property
    def scene(self) -> Scene:
        """Home, history and targets; for this package."""
        return self._scene

    def __repr__(self) -> str:
        return f"Workspace(name={self.name!r}, resource_group={self.resource_group!r})"


@dataclass(slots=True)
class RunConfiguration:
    """Where and with what a script runs."""

    script: str | None = None
    arguments: list[Any] = field(default_factory=list)
    target: Any = _LOCAL
    environment: Environment = field(default_factory=lambda: Environment("default-environment"))
    environment_variables: dict[str, str] = field(default_factory=dict)
    node_count: int = 1
    max_run_duration_seconds: int = MAX_DURATION_S


class ScriptRunConfig:
    """A script with its folder, arguments and run configuration.

    With ``run_config``, ``compute_target``, ``environment`` and ``max_run_duration_seconds`` are
    ignored, as azureml-core does; ``script`` and ``arguments`` still win over what it holds.
    Changing ``run_config`` afterwards (``src.run_config.node_count = 4``) takes effect.
    """

    def __init__(  # noqa: PLR0917 - azureml-core's order
        self,
        source_directory: str | Path,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: RunConfiguration | None = None,
        compute_target: Any = None,
        environment: Environment | None = None,
        max_run_duration_seconds: int = MAX_DURATION_S,
        **others: Any,
    ) -> None:
        _refuse(others)
        self.source_directory = Path(source_directory)
        if run_config is None:
            run_config = RunConfiguration(max_run_duration_seconds=max_run_duration_seconds)
            run_config.target = compute_target or _LOCAL
            run_config.environment = environment or run_config.environment
        self.run_config = run_config
        self.script = script
        self.arguments = None if arguments is None else list(arguments)

    def spec(self, experiment: str, tags: Mapping[str, str]) -> RunSpec:
        """Return the run this asks for, checked as far as files go."""
        config = self.run_config
        script = self.script or config.script
        if script is None:
            raise UsageError("There is no script to run.", remedy="Give `script='train.py'`.")
        target = str(getattr(config.target, "name", config.target))
        declared = config.environment.spec()
        arguments = config.arguments if self.arguments is None else self.arguments
        return RunSpec(
            script=script_path(script, self.source_directory),
            source_directory=self.source_directory,
            target=target,
            experiment=experiment,
            arguments=tuple(map(str, arguments)),
            environment=declared or choose_environment(self.source_directory, target=target),
            variables={**config.environment.environment_variables, **config.environment_variables},
            node_count=config.node_count,
            max_duration_s=config.max_run_duration_seconds,
            tags=dict(tags),
        )


class Experiment:
    """The name runs are grouped under, in one workspace."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name

    def submit(self, config: ScriptRunConfig, tags: Mapping[str, str] | None = None) -> "Run":
        """Submit a run and return at once."""
        scene = self.workspace.scene
        spec = config.spec(self.name, tags or {})
        target = scene.targets.target(spec.target)
        submitted = Submitter(scene.home, scene.history).submit(spec, target, stack=scene.stack)
        return Run(self, submitted.run.run_id)

    def get_runs(self) -> Iterator["Run"]:
        """Yield the experiment's runs, the newest first."""
        for record in self.workspace.scene.history.runs():
            if record.experiment == self.name:
                yield Run(self, record.run_id)


class RunDetails(dict[str, Any]):
    """What ``get_details`` returns: a dictionary whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Run:
    """One submitted run. ``status`` is as last seen; ``get_status`` asks."""

    def __init__(self, experiment: Experiment, run_id: str) -> None:
        self.experiment = experiment
        self.id = run_id
        self._scene = experiment.workspace.scene

    @property
    def status(self) -> str:
        return str(self._record.state)

    @property
    def properties(self) -> Mapping[str, str]:
        return self._record.properties

    @property
    def tags(self) -> Mapping[str, str]:
        return self._record.tags

    def get_status(self) -> str:
        """Ask the target and return the run's state."""
        return str(self._refreshed().state)

    def get_details(self) -> RunDetails:
        """Ask the target and return all that is known, under azureml-core's names."""
        record = self._refreshed()
        return RunDetails(
            runId=record.run_id,
            target=record.target,
            status=str(record.state),
            startTimeUtc=record.started,
            endTimeUtc=record.ended,
            error=record.error,
            warnings=[],
            properties=dict(record.properties),
            runDefinition={"script": record.script, "arguments": list(record.arguments)},
        )

    def wait_for_completion(
        self,
        show_output: bool = False,  # noqa: FBT001, FBT002 - azureml-core's signature
        raise_on_error: bool = True,  # noqa: FBT001, FBT002 - azureml-core's signature
    ) -> RunDetails:
        """Wait until the run has ended. Ctrl-C stops the waiting, never the run.

        ``show_output`` prints what the script prints. A run that did not complete raises
        ``RunFailedError`` unless told not to.
        """
        watcher = Watcher(self._scene.history)
        for seen in watcher.watch(self._scene.targets_of(self._record)):
            if show_output and isinstance(seen, Logged):
                print(seen.chunk.text, end="", flush=True)  # noqa: T201 - what was asked for
            if isinstance(seen, Ended) and raise_on_error:
                _raise_unless_completed(seen.record)
        return self.get_details()

    def get_metrics(self, name: str | None = None) -> dict[str, float | list[float]]:
        """Return metrics by name: one value, or all of them in the order they were logged."""
        self._refreshed()
        series: dict[str, list[float]] = {}
        for _, event in self._scene.history.events(self.id):
            if event.kind == "metric" and not event.data.get("run"):
                series.setdefault(str(event.data["key"]), []).append(float(event.data["value"]))
        return {
            key: values[0] if len(values) == 1 else values
            for key, values in series.items()
            if name in {None, key}
        }

    def cancel(self) -> None:
        """Ask the run to stop; one that has ended stays as it is."""
        record = self._refreshed()
        if not record.state.final:
            self._scene.target_of(record).cancel(self._scene.handle_of(record))

    def get_file_names(self) -> list[str]:
        """Return the files a finished run left: outputs and logs, relative to its folder."""
        folder = self._collected()
        return sorted(
            file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
        )

    def download_file(self, name: str, output_file_path: str | Path | None = None) -> Path:
        """Copy one file of a finished run; a folder as target keeps the file's own name."""
        folder = self._collected()
        source = folder / name
        if not source.is_file():
            raise UnknownNameError(
                f"Run {self.id} has no file {name!r}.",
                remedy=nearest(name, dict.fromkeys(self.get_file_names()), noun="file"),
            )
        wanted = Path(output_file_path or ".")
        is_folder = wanted.is_dir() or str(output_file_path).endswith("/")
        target = wanted / PurePosixPath(name).name if is_folder else wanted
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        return target

    def download_files(
        self, prefix: str | None = None, output_directory: str | Path = "."
    ) -> list[Path]:
        """Copy all files that start with ``prefix``, keeping their folders."""
        return [
            self.download_file(name, Path(output_directory) / name)
            for name in self.get_file_names()
            if name.startswith(prefix or "")
        ]

    @property
    def _record(self) -> RunRecord:
        return self._scene.history.record(self.id)

    def _refreshed(self) -> RunRecord:
        if not self._record.state.final:
            Watcher(self._scene.history).refresh(self._scene.targets_of(self._record))
        return self._record

    def _collected(self) -> Path:
        record = self._refreshed()
        if record.outputs is None:
            collect(self._scene.history, self._scene.target_of(record), self.id, self._scene.home)
            record = self._record
        return Path(str(record.outputs))

    def __repr__(self) -> str:
        return f"Run(experiment={self.experiment.name!r}, id={self.id!r}, status={self.status!r})"


def _added(packages: list[str], package: str) -> list[str]:
    def name(text: str) -> str:
        for mark in "=<>!~[ ":
            text = text.partition(mark)[0]
        return text.lower()

    return [*(each for each in packages if name(each) != name(package)), package]


def _refuse(others: Mapping[str, Any]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise UsageError(
            f"ScriptRunConfig takes no {', '.join(given)} here.",
            remedy="Give script, arguments, run_config, compute_target or environment.",
        )


def _raise_unless_completed(record: RunRecord) -> None:
    if record.state is not RunState.COMPLETED:
        raise RunFailedError(
            f"Run {record.run_id} ended as {record.state}. {record.error or ''}".rstrip(),
            remedy=f"Read its logs: `aml run logs {record.run_id}`.",
            at=record.script,
        )
