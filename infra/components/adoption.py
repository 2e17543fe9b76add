"""Adopts existing resources: names of resources in the program, with their ids in Azure.

Pulumi's `import` option does the work, once: it has no effect on a resource that is in state. The
engine compares the program's inputs with the existing resource.
"""

from collections.abc import Mapping

import pulumi
from pulumi.runtime import register_stack_transformation

from infra.catalogue.names import parse_arm_id, qualified
from infra.catalogue.types.table import type_of_token
from infra.contract.errors import UsageError


class AdoptedResources:
    """Sets the `import` option of the named resources. Create it before them.

    Resources of several types may have one name: an id is that of the one whose type it has.
    """

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._ids = ids
        self._left = set(ids)
        self._others: dict[str, str] = {}
        if ids:
            register_stack_transformation(self._transformed)

    def warn_of_rest(self) -> None:
        """Warn about names without a resource; call it after all are declared.

        Raises ``UsageError`` for a name whose resources are all of another type than its id.
        """
        for name in sorted(self._left & self._others.keys()):
            raise UsageError(
                f"aml:adopt: {self._ids[name]} is no id of {name!r}, a {self._others[name]}.",
                remedy="Correct the id.",
            )
        for name in sorted(self._left):
            pulumi.log.warn(f"aml:adopt: the program has no resource {name!r}.")

    def _transformed(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        # A component has no id in Azure, only its children have.
        if not isinstance(args.resource, pulumi.CustomResource):
            return None
        key = qualified(args.type_, args.name)
        key = key if key in self._ids else args.name
        id_ = self._ids.get(key)
        if id_ is None:
            return None
        named = type_of_token(args.type_).name
        if parse_arm_id(id_).type.lower() != named.lower():
            self._others[key] = named
            return None
        self._left.discard(key)
        options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(import_=id_))
        return pulumi.ResourceTransformationResult(args.props, options)
