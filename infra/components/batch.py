"""One Azure Batch account attached to a workspace, for pipeline steps."""

from dataclasses import dataclass

import pulumi

from infra.components.compute import Compute, ComputeArgs
from infra.components.inputs import without_nothing


@dataclass(frozen=True, kw_only=True)
class BatchArgs(ComputeArgs):
    """What is attached. "Replace" means: another value detaches it and attaches anew."""

    resource_id: pulumi.Input[str]
    """ARM id of the Batch account. Replace."""


class Batch(Compute):
    """A Batch account. Destroying detaches it; the account stays."""

    def __init__(
        self, name: str, args: BatchArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # No class of the SDK's: later api-versions do not list Batch; the service still takes it.
        properties = without_nothing(
            computeType="Batch", resourceId=args.resource_id, description=args.description
        )
        facts = {"kind": "batch", "resource_id": args.resource_id}
        super().__init__(name, args, properties, opts, kind="Batch", facts=facts)
