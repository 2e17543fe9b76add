"""The settings of a run that a definition file gives, whatever its dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from runtime.environments.declarations import default_declaration
from runtime.model.data import DataInput, DataOutput
from runtime.model.environments import EnvironmentSpec, ImageSpec, SparkPackages
from runtime.model.launching import Distribution, DockerOptions, RunCluster
from runtime.model.runs import MAX_DURATION_S, RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions, SparkOptions

SHARE_VARIABLE: Final = "AZUREML_NATIVE_SHARE_DIRECTORY"
"""The folder outside the snapshot that the runs of a Workbench target share."""


@dataclass(frozen=True, slots=True)
class RunConfigurationFile:
    """The settings of one file; ``None`` or empty where it sets nothing.

    ``image`` and ``spark_packages`` are those of ``environment`` too; they remain when another
    environment is chosen. ``prepares`` ``False``: the environment must have been built before.
    ``origins`` maps a field of ``RunSpec``, or a part of one (``docker.use``, ``inputs.NAME``), to
    ``FILE:LINE``. ``notes`` are sentences for the user: settings that have no effect.
    """

    file: Path
    target: str = "local"
    script: str | None = None
    arguments: tuple[str, ...] = ()
    environment: EnvironmentSpec | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    node_count: int = 1
    max_duration_s: int = MAX_DURATION_S
    command: str = ""
    display_name: str | None = None
    framework: str = "Python"
    distribution: Distribution | None = None
    docker: DockerOptions = field(default_factory=DockerOptions)
    spark: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[DataInput, ...] = ()
    outputs: tuple[DataOutput, ...] = ()
    priority: int | None = None
    collects: bool = True
    prepares: bool = True
    image: ImageSpec | None = None
    spark_packages: SparkPackages | None = None
    cluster: RunCluster | None = None
    databricks: DatabricksOptions | None = None
    batch: BatchOptions | None = None
    hdinsight: SparkOptions | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def default_environment(self) -> EnvironmentSpec | None:
        """Return azureml-core's, for a target that needs one where a file declares none."""
        return default_declaration(str(self.file)) if self.file.name else None


def argument_list(given: Sequence[str], configured: Sequence[str]) -> tuple[str, ...]:
    """Return the script's arguments: those given replace all configured ones."""
    return tuple(given) or tuple(configured)


def with_settings(spec: RunSpec, configured: RunConfigurationFile) -> RunSpec:
    """Return a run with the settings of a file that no option of a command can give."""
    environment = spec.environment
    if environment is None and configured.image is not None and configured.docker.use:
        # Nothing is declared but an image: its own Python runs.
        environment = EnvironmentSpec("user_managed", source=str(configured.file))
    if environment is not None:
        environment = replace(
            environment,
            image=environment.image or configured.image,
            spark=environment.spark or configured.spark_packages,
        )
    return replace(
        spec,
        environment=environment,
        display_name=spec.display_name or configured.display_name,
        framework=configured.framework,
        distribution=configured.distribution,
        docker=configured.docker,
        spark=dict(configured.spark),
        inputs=configured.inputs,
        outputs=configured.outputs,
        priority=configured.priority,
        collects=configured.collects,
        prepares=configured.prepares,
        cluster=configured.cluster,
        databricks=configured.databricks,
        batch=configured.batch,
        hdinsight=configured.hdinsight,
        origins={**configured.origins, **spec.origins},
    )
