"""Diagnostics: where the logs and metrics of a stack's resources are sent."""

from infra.spec.base import SpecModel
from infra.spec.names import LogAnalyticsId, StorageAccountId


class DiagnosticsSpec(SpecModel):
    """Sends logs and metrics of the workspace and of what is created for it."""

    log_analytics_id: LogAnalyticsId | None = None
    """An existing log store. Default: the one that is created for Application Insights."""
    storage_account_id: StorageAccountId | None = None
    """An existing account that archives them as well."""
    logs: bool = True
    metrics: bool = True
