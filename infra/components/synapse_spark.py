"""A Spark pool of a Synapse workspace attached to a workspace."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.compute import Compute, ComputeArgs


@dataclass(frozen=True, kw_only=True)
class SynapseSparkArgs(ComputeArgs):
    """Arguments of the attachment. "Replace": a new value detaches it and attaches again."""

    resource_id: pulumi.Input[str]
    """ARM id of the pool, ``…/workspaces/<name>/bigDataPools/<name>``. Replace."""
    identity: ml.ManagedServiceIdentityArgs | None = None
    """From ``managed_identity``. Default none. In place."""


class SynapseSpark(Compute):
    """A Spark pool. Destroying detaches it; the pool stays."""

    def __init__(
        self, name: str, args: SynapseSparkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = ml.SynapseSparkArgs(
            compute_type="SynapseSpark",
            description=args.description,
            resource_id=args.resource_id,
        )
        facts = {"kind": "synapse_spark", "resource_id": args.resource_id}
        super().__init__(
            name, args, properties, opts, kind="SynapseSpark", facts=facts, identity=args.identity
        )
