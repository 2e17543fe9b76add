"""Taking over what exists: resources by their name in the program, with the ids they have in Azure.

Pulumi's `import` option does the work, once: of a resource that is in state already it says no
more. Whether the program says what is there, the engine compares.
"""

from collections.abc import Mapping

import pulumi
from pulumi.runtime import register_stack_transformation


class Adoption:
    """Gives the resources that are named the option to be imported. Make it before them."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = ids
        self._left = set(ids)
        if ids:
            register_stack_transformation(self._transformed)

    def warn_of_rest(self) -> None:
        """Say which names no resource has; call it when all are declared."""
        for name in sorted(self._left):
            pulumi.log.warn(f"aml:adopt: the program has no resource {name!r}.")

    def _transformed(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        id_ = self._ids.get(args.name)
        if id_ is None or not isinstance(args.resource, pulumi.CustomResource):
            return None
        self._left.discard(args.name)
        options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(import_=id_))
        return pulumi.ResourceTransformationResult(args.props, options)
