"""The tables of the cloud: its ARM kinds, its other routes, its engines. A module adds a line."""

from typing import Final

from localcloud import fault_routes
from localcloud.behaviours import (
    assets,
    computes,
    datastores,
    deleted_vaults,
    groups,
    jobs,
    kubernetes_clusters,
    locks,
    log_categories,
    metadata,
    name_availability,
    networks,
    permissions,
    plain,
    platforms,
    prerequisites,
    private_endpoints,
    private_links,
    private_zones,
    regions,
    role_definitions,
    schedules,
    storage,
    vault_contents,
    virtual_machines,
    virtual_networks,
    workspaces,
)
from localcloud.behaviours.pipeline_driving import PipelineEngine
from localcloud.behaviours.schedule_keeping import ScheduleEngine
from localcloud.behaviours.sweep_driving import SweepEngine
from localcloud.calls.cloud import Engine
from localcloud.calls.kinds import Kind
from localcloud.calls.routes import Route
from localcloud.planes import (
    blob,
    core_artifacts,
    core_datasets,
    core_datastores,
    core_environments,
    core_models,
    core_runs,
    core_secrets,
    history,
    kubernetes,
    mlflow,
    pipeline_submissions,
    storage_services,
    vault_keys,
    vaults,
)
from localcloud.services.batch import accounts as batch_accounts
from localcloud.services.batch.engine import BatchEngine
from localcloud.services.databricks import workspaces as databricks_workspaces
from localcloud.services.databricks.engine import DatabricksEngine
from localcloud.services.hdinsight import clusters as hdinsight_clusters
from localcloud.services.hdinsight.engine import HdinsightEngine

KINDS: Final[tuple[Kind, ...]] = (
    *groups.KINDS,
    *storage.KINDS,
    *prerequisites.KINDS,
    *vault_contents.KINDS,
    *workspaces.KINDS,
    *computes.KINDS,
    *datastores.KINDS,
    *assets.KINDS,
    *jobs.KINDS,
    *plain.KINDS,
    *role_definitions.KINDS,
    *locks.KINDS,
    *platforms.KINDS,
    *kubernetes_clusters.KINDS,
    *networks.KINDS,
    *virtual_networks.KINDS,
    *private_endpoints.KINDS,
    *private_zones.KINDS,
    *virtual_machines.KINDS,
    *batch_accounts.KINDS,
    *databricks_workspaces.KINDS,
    *hdinsight_clusters.KINDS,
    *schedules.KINDS,
)

# The first match handles the call: the blob plane comes last because it matches nearly anything.
ROUTES: Final[tuple[Route, ...]] = (
    *fault_routes.ROUTES,
    *metadata.ROUTES,
    *groups.ROUTES,
    *regions.ROUTES,
    *deleted_vaults.ROUTES,
    *vault_contents.ROUTES,
    *private_links.ROUTES,
    *private_zones.ROUTES,
    *role_definitions.ROUTES,
    *log_categories.ROUTES,
    *name_availability.ROUTES,
    *permissions.ROUTES,
    *workspaces.ROUTES,
    *virtual_machines.ROUTES,
    *mlflow.ROUTES,
    *history.ROUTES,
    *core_runs.ROUTES,
    *core_artifacts.ROUTES,
    *core_datasets.ROUTES,
    *core_datastores.ROUTES,
    *core_environments.ROUTES,
    *core_models.ROUTES,
    *core_secrets.ROUTES,
    *pipeline_submissions.ROUTES,
    *batch_accounts.ROUTES,
    *databricks_workspaces.ROUTES,
    *hdinsight_clusters.ROUTES,
    *storage_services.ROUTES,
    *kubernetes.ROUTES,
    *vaults.ROUTES,
    *vault_keys.ROUTES,
    *blob.ROUTES,
)

# Made when the daemon starts: what its services left unfinished begins again.
ENGINES: Final[tuple[type[Engine], ...]] = (
    BatchEngine,
    DatabricksEngine,
    HdinsightEngine,
    PipelineEngine,
    ScheduleEngine,
    SweepEngine,
)
