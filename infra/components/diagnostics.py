"""Diagnostic settings: where a resource sends its logs and metrics.

Like ``network``, this module references no class of the SDK before there is something to declare.
"""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import monitor

from infra.components.inputs import child_options

_NAME: Final = "diagnostics"


@dataclass(frozen=True, kw_only=True)
class DiagnosticsArgs:
    """Arguments of a setting. "Replace": a new value deletes it and creates another."""

    resource_id: pulumi.Input[str]
    """ARM id of the resource whose logs and metrics are sent. Replace."""
    log_analytics_id: pulumi.Input[str]
    """ARM id of the log store. Replace."""
    storage_account_id: pulumi.Input[str] | None = None
    """ARM id of an account that archives them as well. Default none. In place."""
    logs: bool = True
    """Send all logs. Default true; false for a resource that has none. In place."""
    metrics: bool = True
    """Send all metrics. Default true. In place."""


class Diagnostics(pulumi.ComponentResource):
    """Sends the logs and metrics of one resource to a log store."""

    setting_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: DiagnosticsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:Diagnostics", name, None, opts)
        made = monitor.DiagnosticSetting(
            name,
            name=_NAME,
            resource_uri=args.resource_id,
            workspace_id=args.log_analytics_id,
            storage_account_id=args.storage_account_id,
            logs=[{"category_group": "allLogs", "enabled": True}] if args.logs else None,
            metrics=[{"category": "AllMetrics", "enabled": True}] if args.metrics else None,
            opts=child_options(self, "monitor:DiagnosticSetting"),
        )
        self.setting_id = made.id
        self.register_outputs({"setting_id": self.setting_id})
