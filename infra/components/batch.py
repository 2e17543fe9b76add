"""An Azure Batch account attached to a workspace, for runs and pipeline steps."""

from dataclasses import dataclass

import pulumi

from infra.components.compute import Compute, ComputeArgs
from infra.components.inputs import without_nothing


@dataclass(frozen=True, kw_only=True)
class BatchArgs(ComputeArgs):
    """Arguments of the attachment. "Replace": a new value detaches it and attaches again."""

    resource_id: pulumi.Input[str]
    """ARM id of the Batch account. Replace."""


class Batch(Compute):
    """A Batch account. Destroying detaches it; the account stays."""

    def __init__(
        self, name: str, args: BatchArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # Not a class of the SDK: later api-versions do not list Batch, but the service accepts it.
        properties = without_nothing(
            computeType="Batch", resourceId=args.resource_id, description=args.description
        )
        facts = {"kind": "batch", "resource_id": args.resource_id}
        super().__init__(name, args, properties, opts, kind="Batch", facts=facts)
