"""Soft delete: whether deleted workspaces and vaults are recovered or purged."""

from typing import Literal

from infra.spec.base import SpecModel

Policy = Literal["recover", "purge"]


class SoftDeleteSpec(SpecModel):
    """What to do with soft-deleted resources, which keep their names for days.

    ``recover``: `aml destroy` soft-deletes, and `aml up` recovers. ``purge``: both delete for good.
    Default: ``purge`` in the local cloud, ``recover`` on Azure.
    """

    workspace: Policy | None = None
    """On Azure, only the portal recovers a workspace; `aml up` says so and stops."""
    key_vault: Policy | None = None

    def policy(
        self, of: Literal["workspace", "key_vault"], *, cloud: str, purgeable: bool = True
    ) -> Policy:
        """Return the policy in ``cloud``; on Azure, purging is never the default.

        What is not ``purgeable``, a vault with purge protection, is recovered by default.
        """
        return getattr(self, of) or ("purge" if cloud == "local" and purgeable else "recover")
