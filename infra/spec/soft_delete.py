"""What becomes of a workspace and a vault that are deleted: parked and recovered, or purged."""

from typing import Literal

from infra.spec.base import SpecModel

Policy = Literal["recover", "purge"]


class SoftDeleteSpec(SpecModel):
    """Azure parks what is deleted for days, and keeps its name.

    ``recover``: `aml destroy` parks it, and `aml up` brings back what is parked. ``purge``: both
    delete it for good. Without a word of it the local cloud purges, and Azure recovers.
    """

    workspace: Policy | None = None
    """On Azure a workspace is recovered in the portal only; `aml up` says so and stops."""
    key_vault: Policy | None = None

    def policy(self, of: Literal["workspace", "key_vault"], *, cloud: str) -> Policy:
        """Return what to do in ``cloud``; purging on Azure is never anybody's default."""
        return getattr(self, of) or ("purge" if cloud == "local" else "recover")
