"""How a run uses the service that it runs on: options beside those that every target has. Frozen.

``None`` and empty values leave the choice to the target, which names what it chooses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Final, Literal

from infra.contract.json_types import Document

KUSTO: Final = "no target runs queries of Azure Data Explorer"
INSTEAD_OF_KUSTO: Final = "Query it in a PythonScriptStep with the package azure-kusto-data."
"""What to do in place of a step that queries it."""


@dataclass(frozen=True, slots=True)
class DatabricksLibraries:
    """What a run on Databricks installs beside its environment.

    ``maven`` are coordinates (``group:artifact:version``), ``cran`` names of R packages; ``jars``
    and ``wheels`` are paths in the workspace, a volume or DBFS, or files of the source folder.
    """

    maven: tuple[str, ...] = ()
    pypi: tuple[str, ...] = ()
    cran: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    eggs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabricksOptions:
    """Where and how a run executes in a Databricks workspace.

    The cluster is ``cluster_id``, which exists; or one made for the run, with ``num_workers`` or
    from ``min_workers`` to ``max_workers`` workers (none: a single node); or ``serverless``.
    ``notebook`` and ``python_file`` are absolute paths in the workspace that run in place of a
    script, with ``arguments``; ``main_class`` is the class of a jar, ``entry_point`` that of a
    wheel. ``parameters`` are the widgets of a notebook. ``volume`` is the path of one
    (``/Volumes/CATALOG/SCHEMA/VOLUME``) that keeps the snapshot and the outputs while the run
    lasts, in place of workspace files. ``log_path`` is where the cluster delivers its driver's log,
    in a volume or DBFS.
    """

    cluster_id: str | None = None
    node_type: str | None = None
    driver_node_type: str | None = None
    instance_pool_id: str | None = None
    spark_version: str | None = None
    num_workers: int | None = None
    min_workers: int | None = None
    max_workers: int | None = None
    spot: bool = False
    serverless: bool = False
    environment_version: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    init_scripts: tuple[str, ...] = ()
    log_path: str | None = None
    volume: str | None = None
    libraries: DatabricksLibraries = field(default_factory=DatabricksLibraries)
    notebook: str | None = None
    python_file: str | None = None
    arguments: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    main_class: str | None = None
    entry_point: str | None = None
    run_name: str | None = None
    timeout_s: int = 0

    @property
    def own_task(self) -> str:
        """Return what runs in place of a script of ours, in words; ``""`` if nothing does."""
        kinds = (
            ("notebook", self.notebook),
            ("python file", self.python_file),
            ("class", self.main_class if self.libraries.jars else None),
        )
        return next((f"databricks {kind} {what}" for kind, what in kinds if what), "")


def databricks_of(document: Document) -> DatabricksOptions:
    """Return options that were written as JSON."""
    libraries = {key: tuple(value) for key, value in document["libraries"].items()}
    given = {
        **document,
        "libraries": DatabricksLibraries(**libraries),
        "init_scripts": tuple(document["init_scripts"]),
        "arguments": tuple(document["arguments"]),
    }
    return DatabricksOptions(**given)


@dataclass(frozen=True, slots=True)
class SparkOptions:
    """How a run reaches the Spark of an HDInsight cluster.

    ``ssh``: its head node, as the attachment's user. ``livy``: the cluster's gateway, whose user
    and password the cluster itself tells those who may ask for them. Where the driver runs is
    part of Spark's configuration (``spark.submit.deployMode``).
    """

    through: Literal["ssh", "livy"] = "ssh"


DATABRICKS_NODE_TYPE: Final = "Standard_D4ds_v5"
BATCH_VM_SIZE: Final = "standard_d1_v2"
"""The size of a node where nobody says another: that of azureml-core's ``AzureBatchStep``."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Where in an Azure Batch account a run executes.

    ``pool`` is the id of a pool; with ``create_pool`` it is made unless it is there. Without a
    ``pool``, one is made for the run and deleted after it. ``vm_size``, ``image``
    (``PUBLISHER:OFFER:SKU[:VERSION]``, empty for Ubuntu), ``nodes`` and ``low_priority`` are of a
    pool that is made. ``as_admin``: the task runs with administrator rights. ``delete_pool``: a
    ``pool`` that this run made is deleted after it. ``keep_job``: the job stays in the account.
    """

    pool: str = ""
    create_pool: bool = False
    vm_size: str = BATCH_VM_SIZE
    image: str = ""
    nodes: int = 1
    low_priority: bool = False
    as_admin: bool = False
    delete_pool: bool = False
    keep_job: bool = False


_RETIRED_IMAGE: Final = "urn:MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter"
"""The default of ``AzureBatchStep``, which Azure no longer offers."""


def batch_step_options(
    *,
    pool_id: str | None,
    create_pool: bool,
    vm_size: str,
    vm_image_urn: str,
    target_compute_nodes: int,
    run_task_as_admin: bool,
    delete_batch_job_after_finish: bool,
    delete_batch_pool_after_finish: bool,
) -> BatchOptions:
    """Return the options of an ``AzureBatchStep``, whose arguments these are.

    Its default image is one of Windows that Azure has retired: nodes have Ubuntu in its place.
    What it says of nodes has no effect on a pool that it does not create, as in Azure ML.
    """
    options = BatchOptions(
        pool=pool_id or "",
        create_pool=create_pool,
        as_admin=run_task_as_admin,
        delete_pool=delete_batch_pool_after_finish,
        keep_job=not delete_batch_job_after_finish,
    )
    if pool_id and not create_pool:
        return options
    image = "" if vm_image_urn == _RETIRED_IMAGE else vm_image_urn
    return replace(options, vm_size=vm_size, image=image, nodes=target_compute_nodes)


def batch_command(line: str, *, positive_is_failure: bool) -> str:
    """Return a line of the shell whose positive exit codes are failures, or are not.

    Codes above 127 mean that a signal ended it, which always is one.
    """
    return line if positive_is_failure else f"bash -c {quote(line)} || [ $? -lt 128 ]"
