"""Computes of a stack for programs: declared in its file, and deployed.

What an imperative script makes is declared from then on: it is never drift.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

from infra.contract.json_types import Document
from infra.contract.load import load

PowerAction = Literal["start", "stop", "restart"]
_IMPLEMENTATION: Final = "infra.deploy.importing.declared_computes:DeclaredComputes"


class StackComputes(Protocol):
    """The computes of one stack. Every method that changes one returns when that is done.

    Names that do not exist raise ``UnknownNameError``; what the stack file, the preflight checks or
    the cloud refuse raises the error that `aml up` would show. A refused or failed change leaves
    the stack file as it was.
    """

    def declared(self, name: str) -> Document:
        """Return a compute's entry in the stack file, with no secret in it."""

    def power(self, name: str, action: PowerAction) -> None:
        """Start, stop or restart an instance."""

    def add(
        self, kind: str, name: str, settings: Document, secrets: Mapping[str, str] | None = None
    ) -> Path:
        """Declare a compute in the stack file and deploy it; return the file.

        ``kind`` and ``settings`` are the stack file's words. ``secrets`` maps keys to credentials
        in clear, which the file holds encrypted.
        """

    def change(self, name: str, settings: Document) -> None:
        """Change settings of a declared compute and deploy it; ``None`` removes a key."""

    def remove(self, name: str) -> Path:
        """Remove a compute from the stack file, which is returned, and from the workspace.

        What the workspace made is deleted.
        """

    def destroy(self) -> None:
        """Delete everything that the stack deployed, as `aml destroy` does; its file is left."""


def stack_computes(stack: str) -> StackComputes:
    """Return the computes of the stack called ``stack``; needs the extra ``infra``."""
    found: StackComputes = load(_IMPLEMENTATION, extra="infra")(stack)
    return found
