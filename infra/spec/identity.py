"""Managed identities of a workspace or a compute."""

from typing import Literal

from infra.spec.base import SpecModel
from infra.spec.names import UserAssignedIdentityId

IdentityType = Literal["system_assigned", "user_assigned", "system_and_user_assigned"]


class IdentitySpec(SpecModel):
    """Whom the resource acts as. ``ids`` are those of existing user-assigned identities."""

    type: IdentityType
    ids: tuple[UserAssignedIdentityId, ...] = ()
