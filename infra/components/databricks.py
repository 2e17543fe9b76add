"""A Databricks workspace attached to a workspace, for runs and pipeline steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.compute import Compute, ComputeArgs
from infra.components.inputs import secret_input


@dataclass(frozen=True, kw_only=True)
class DatabricksArgs(ComputeArgs):
    """Arguments of the attachment. "Replace": a new value detaches it and attaches again."""

    resource_id: pulumi.Input[str]
    """ARM id of a Databricks workspace of the same subscription. Replace."""
    access_token: pulumi.Input[str]
    """A token of that workspace; secret in state. In place."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Credential references for the manifest: field to ``env:NAME`` or ``file:PATH``."""


class Databricks(Compute):
    """A Databricks workspace. Destroying detaches it; the workspace stays."""

    def __init__(
        self, name: str, args: DatabricksArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        token = ml.DatabricksPropertiesArgs(databricks_access_token=secret_input(args.access_token))
        properties = ml.DatabricksArgs(
            compute_type="Databricks",
            description=args.description,
            resource_id=args.resource_id,
            properties=token,
        )
        facts = {
            "kind": "databricks",
            "resource_id": args.resource_id,
            "credentials": dict(args.references),
        }
        super().__init__(name, args, properties, opts, kind="Databricks", facts=facts)
