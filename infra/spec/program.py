"""The stack file of another program: the keys of it that this product reads."""

from typing import Literal

from infra.contract.credential_kinds import CredentialKind
from infra.spec.base import SpecModel
from infra.spec.soft_delete import SoftDeleteSpec


class ProgramSpec(SpecModel):
    """A stack of another program, which reads all other keys itself."""

    cloud: Literal["local", "azure"]
    credential: CredentialKind | None = None
    soft_delete: SoftDeleteSpec = SoftDeleteSpec()
