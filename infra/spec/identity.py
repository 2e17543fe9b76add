"""Managed identities: those a workspace or a compute uses, and those a stack creates."""

from typing import Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import IdentityName, UserAssignedIdentityId
from infra.spec.tags import Tags

IdentityType = Literal["system_assigned", "user_assigned", "system_and_user_assigned"]


class IdentitySpec(SpecModel):
    """The managed identity of a resource.

    ``names`` refer to identities declared in the file, ``ids`` to existing user-assigned ones.
    """

    type: IdentityType
    names: tuple[IdentityName, ...] = ()
    ids: tuple[UserAssignedIdentityId, ...] = ()


class UserAssignedIdentitySpec(SpecModel):
    """A user-assigned identity, created in the workspace's resource group."""

    name: IdentityName
    tags: Tags = Field(default_factory=dict)
