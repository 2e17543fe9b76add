"""A Data Lake Analytics account attached to a workspace. Azure retired the service."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.compute import Compute, ComputeArgs


@dataclass(frozen=True, kw_only=True)
class DataLakeAnalyticsArgs(ComputeArgs):
    """Arguments of the attachment. "Replace": a new value detaches it and attaches again."""

    resource_id: pulumi.Input[str]
    """ARM id of the account. Replace."""


class DataLakeAnalytics(Compute):
    """A Data Lake Analytics account that is attached already: Azure retired the service."""

    def __init__(
        self, name: str, args: DataLakeAnalyticsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = ml.DataLakeAnalyticsArgs(
            compute_type="DataLakeAnalytics",
            description=args.description,
            resource_id=args.resource_id,
        )
        facts = {"kind": "data_lake_analytics", "resource_id": args.resource_id}
        super().__init__(name, args, properties, opts, kind="DataLakeAnalytics", facts=facts)
