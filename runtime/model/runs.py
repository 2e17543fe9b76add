"""The values that all parts of the runtime share: run specs, snapshots, events, records.

All are frozen; nothing here reads a file or the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from infra.contract.json_types import Document
from runtime.model.data import DataInput, DataOutput
from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution, DockerOptions, RetryPolicy, RunCluster
from runtime.model.services import BatchOptions, DatabricksOptions, SparkOptions
from runtime.model.states import Held, RunState

EventKind: TypeAlias = Literal[
    "state",
    "step",
    "node",
    "log",
    "metric",
    "param",
    "tag",
    "property",
    "artifact",
    "child",
    "definition",
    "message",
]
PYSPARK: Final = "PySpark"
"""The framework of a script that is submitted to Spark."""
EventOrigin: TypeAlias = Literal["submit", "agent", "service"]
MAX_DURATION_S = 2_592_000
"""Thirty days, the default limit of Azure ML's ``ScriptRunConfig``."""
QUEUE_TIMEOUT: Final = "aml.queueTimeoutSeconds"
"""The property of a job: how long it may wait for a node."""
SWEEP_VARIABLE: Final = "AZUREML_SWEEP_"
"""How the variables begin that tell a trial of a sweep its values."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run as requested by the user.

    ``script`` is a POSIX path relative to ``source_directory``, and inside it; it is empty if
    ``command``, a line for the shell, is run in its place. ``target`` is ``local`` or the name of a
    target in the manifest. ``environment`` is ``None`` if none was given or found: ``local`` then
    uses the current interpreter, other targets refuse the run. ``framework`` is ``Python``,
    ``PySpark`` or ``R``. ``spark`` is Spark's configuration. ``collects``: metrics, outputs and
    logs are kept in the history. ``prepares`` ``False``: the run is refused unless its environment
    is built already. ``description`` is for people. ``keep_azureml``: Microsoft's SDK
    packages are installed where a target would leave them out. ``idle_timeout_s`` (without any
    output) and ``queue_timeout_s`` (without a node): 0 means no limit. ``gpus``: each
    machine must have so many, or the script is not started.
    ``cluster`` is what the target ``amlcompute`` makes for the run. ``batch`` and ``databricks``
    are how a run uses these services, ``hdinsight`` how a cluster of HDInsight is reached.
    ``origins`` maps the name of a field to the place that set it, ``FILE:LINE``, for messages.
    """

    script: str
    source_directory: Path
    target: str = "local"
    experiment: str = "Default"
    arguments: tuple[str, ...] = ()
    environment: EnvironmentSpec | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    node_count: int = 1
    max_duration_s: int = MAX_DURATION_S
    display_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    framework: str = "Python"
    distribution: Distribution | None = None
    docker: DockerOptions = field(default_factory=DockerOptions)
    spark: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[DataInput, ...] = ()
    outputs: tuple[DataOutput, ...] = ()
    priority: int | None = None
    collects: bool = True
    description: str | None = None
    keep_azureml: bool = False
    prepares: bool = True
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    idle_timeout_s: int = 0
    queue_timeout_s: int = 0
    gpus: int = 0
    cluster: RunCluster | None = None
    databricks: DatabricksOptions | None = None
    hdinsight: SparkOptions | None = None
    batch: BatchOptions | None = None
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file of a snapshot: POSIX path relative to its root, SHA-256 hex, bytes, executable."""

    path: str
    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """A content-addressed copy of a source folder.

    ``id`` is a hash over the files' paths and contents: an unchanged tree has the same id.
    ``store`` is the folder of the content-addressed store that holds each file under its SHA-256.
    ``reused`` means that nothing had to be stored.
    """

    id: str
    files: tuple[SnapshotFile, ...]
    store: Path
    reused: bool = False

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run that is ready to launch: nothing is left to decide or look up.

    ``run_id`` is ``<experiment>_<epoch seconds>_<8 hex>``, or the name the user gave. ``command``
    starts with the script, to which the target prepends the interpreter of the built environment;
    for a line of the shell it is ``bash -c LINE``, and that interpreter is the ``python`` on its
    ``PATH``. ``properties`` are immutable (git, snapshot id); ``tags`` are the user's.
    """

    run_id: str
    spec: RunSpec
    snapshot: SourceSnapshot
    command: tuple[str, ...]
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def experiment(self) -> str:
        return self.spec.experiment

    @property
    def is_shell(self) -> bool:
        """Whether ``command`` is a line of the shell."""
        return bool(self.spec.command)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One entry of a run's event stream, which has the same form for every target.

    ``seq`` counts from 0 within ``(run, origin)``; appending an event twice has no effect.
    ``origin``: ``submit`` (the submitting machine), ``agent`` (next to the script) or ``service``
    (the target). ``time`` is seconds since the epoch. ``kind``, and the keys of ``data``:

    ``state`` {state, reason?, exit_code?} · ``step`` {step, text} with the eight steps of a run
    (``snapshot zip``, ``scale up``, ``environment``, ``download``, ``unzip``, ``run``, ``collect``,
    ``scale down``) · ``node`` {node, state} · ``log`` {name, size} · ``metric`` {key, value, step,
    timestamp, type?} · ``param`` {key, value} · ``tag`` {key, value; null removes it} ·
    ``property`` {key, value} · ``artifact`` {path, size} · ``child`` {run, name, parent} ·
    ``definition`` {keys of azureml-core's run definition} · ``message`` {text}. A metric without
    ``type`` is a number. Others: ``text``, ``list``, ``row``, ``table``, ``image`` (the path of its
    artifact), ``confusion_matrix``, ``accuracy_table``, ``residuals``, ``predictions``.
    With ``run``, an event is about that child run.
    """

    seq: int
    time: float
    kind: EventKind
    data: Document
    origin: EventOrigin = "submit"


@dataclass(frozen=True, slots=True)
class Billed:
    """The nodes of a run as they were known when it was submitted, to outlive their compute.

    ``kind`` is that of the target called ``target``, ``sizes`` how many nodes of each VM size.
    ``why_not``: why it has no nodes that are billed for it.
    """

    target: str
    kind: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    region: str = ""
    low_priority: bool = False
    why_not: str = ""

    @property
    def nodes(self) -> int:
        """Return how many nodes there are."""
        return sum(self.sizes.values())


def read_billed(document: Document | None) -> Billed | None:
    """Return what was kept as JSON; keys of later releases are left out."""
    if document is None:
        return None
    known = Billed.__dataclass_fields__
    return Billed(**{key: value for key, value in document.items() if key in known})


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run in the history, folded from its events."""

    run_id: str
    experiment: str
    target: str
    state: RunState
    created: float
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    error: str | None = None
    script: str = ""
    arguments: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)  # last value of each
    logged: Mapping[str, str] = field(default_factory=dict)  # type of what is no number, by name
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    outputs: str | None = None  # the folder of the collected files
    handle: str | None = None  # the target's own reference
    stack: str | None = None
    display_name: str | None = None
    description: str | None = None
    manifest: str | None = None  # where its target is, unless in its stack's manifest
    held: Held = ()  # when it had its nodes
    billed: Billed | None = None  # None for a parent that only starts others
    billed_parts: Mapping[str, Billed] = field(default_factory=dict)
    """Of the runs that a service starts below it, by their names; ``""`` for all others."""


def names_variable(name: str) -> bool:
    """Return whether a process can be given an environment variable of this name."""
    return bool(name) and "=" not in name and "\0" not in name
