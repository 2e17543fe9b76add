"""The package ``pulumi`` itself, as a provider: references to the outputs of other stacks.

It reaches no state: whoever composes a deployment says how the outputs of a stack are found.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.contract.errors import NotDeployedError, UsageError
from infra.contract.json_types import Document
from infra.contract.provider import Checked, Difference, Existing
from infra.engine.model.values import has_secret, plain

STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
_PARTS: Final = 3

OutputsOf = Callable[[str | None, str], Mapping[str, Any] | None]
"""From project (``None``: the same one) and stack to its outputs, or ``None`` if there is none."""


class BuiltinProvider:
    """A provider of package ``pulumi``. What it refers to is read anew in every run."""

    def __init__(self, outputs_of: OutputsOf) -> None:
        self._outputs_of = outputs_of

    def check(
        self, type: str, name: str, olds: Document | None, news: Document, seed: bytes
    ) -> Checked:
        _known(type)
        return Checked(news)

    def diff(
        self, type: str, id: str, olds: Document, old_outputs: Document, news: Document
    ) -> Difference:
        changed = olds.get("name") != news.get("name")
        return Difference(changed, ["name"] if changed else [])

    def create(self, type: str, inputs: Document, *, timeout_s: float, preview: bool) -> Existing:  # noqa: ARG002
        return self.read(type, str(inputs.get("name")), inputs)

    def read(self, type: str, id: str, inputs: Document) -> Existing:
        """Return the outputs of the stack ``[organization/[project/]]stack``."""
        _known(type)
        outputs = self._outputs_of(*_address(id))
        if outputs is None:
            raise NotDeployedError(
                f"The stack {id!r}, which the program refers to, was never deployed.",
                remedy="Deploy it first, or correct the name of the `StackReference`.",
            )
        secret_names = sorted(key for key, value in outputs.items() if has_secret(value))
        answer = {"name": id, "outputs": plain(dict(outputs)), "secretOutputNames": secret_names}
        hidden = [f"outputs.{key}" for key in secret_names]
        # A path cannot tell a dot in a key from a step.
        whole = ["outputs"] if any("." in key for key in secret_names) else hidden
        return Existing(id, inputs, answer, whole)

    def update(
        self,
        type: str,
        id: str,
        olds: Document,  # noqa: ARG002
        old_outputs: Document,  # noqa: ARG002
        news: Document,
        *,
        timeout_s: float,  # noqa: ARG002
        preview: bool,  # noqa: ARG002
    ) -> Existing:
        return self.read(type, id, news)

    def delete(self, type: str, id: str, inputs: Document, *, timeout_s: float) -> None:
        """Do nothing: a reference is not the stack."""


def _address(id_: str) -> tuple[str | None, str]:
    *_, stack = parts = id_.split("/")
    return (parts[1] if len(parts) == _PARTS else None), stack


def _known(type_: str) -> None:
    if type_ != STACK_REFERENCE:
        raise UsageError(
            f"The embedded engine does not support resources of type {type_}.",
            remedy="`aml up --engine pulumi` has it, through the Pulumi CLI.",
        )
