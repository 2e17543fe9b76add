"""Managed identities: whom a workspace or a compute acts as, and those a stack makes."""

from typing import Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import IdentityName, UserAssignedIdentityId
from infra.spec.tags import Tags

IdentityType = Literal["system_assigned", "user_assigned", "system_and_user_assigned"]


class IdentitySpec(SpecModel):
    """Whom the resource acts as.

    ``names`` are of identities the file declares, ``ids`` of user-assigned ones that exist.
    """

    type: IdentityType
    names: tuple[IdentityName, ...] = ()
    ids: tuple[UserAssignedIdentityId, ...] = ()


class UserAssignedIdentitySpec(SpecModel):
    """A user-assigned identity made in the workspace's resource group."""

    name: IdentityName
    tags: Tags = Field(default_factory=dict)
