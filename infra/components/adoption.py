"""Adopts existing resources: names of resources in the program, with their ids in Azure.

Pulumi's `import` option does the work, once: it has no effect on a resource that is in state. The
engine compares the program's inputs with the existing resource.
"""

from collections.abc import Mapping

import pulumi
from pulumi.runtime import register_stack_transformation


class AdoptedResources:
    """Sets the `import` option of the named resources. Create it before them."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = ids
        self._left = set(ids)
        if ids:
            register_stack_transformation(self._transformed)

    def warn_of_rest(self) -> None:
        """Warn about names without a resource; call it after all are declared."""
        for name in sorted(self._left):
            pulumi.log.warn(f"aml:adopt: the program has no resource {name!r}.")

    def _transformed(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        id_ = self._ids.get(args.name)
        # A component has no id in Azure, only its children have.
        if id_ is None or not isinstance(args.resource, pulumi.CustomResource):
            return None
        self._left.discard(args.name)
        options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(import_=id_))
        return pulumi.ResourceTransformationResult(args.props, options)
