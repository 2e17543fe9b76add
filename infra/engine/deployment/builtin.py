"""The package ``pulumi`` itself, as a provider: references to the outputs of other stacks.

It does not read state: the composer of a deployment passes in how the outputs of a stack are found.
"""

from collections.abc import Callable
from typing import Final

from infra.contract.errors import NotDeployedError, UsageError
from infra.contract.json_types import Document
from infra.contract.provider import Checked, Difference, Existing
from infra.engine.model.values import has_secret, plain, same

STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
_PARTS: Final = 3

OutputsOf = Callable[[str | None, str], Document | None]
"""From project (``None``: the same one) and stack to its outputs, or ``None`` if there is none."""


class BuiltinProvider:
    """The provider of package ``pulumi``. The referenced stack is read anew in every run."""

    def __init__(self, outputs_of: OutputsOf) -> None:
        self._outputs_of = outputs_of

    def check(
        self, type: str, _name: str, _olds: Document | None, news: Document, _seed: bytes, /
    ) -> Checked:
        _refuse_other_types(type)
        return Checked(news)

    def diff(
        self, _type: str, _id: str, olds: Document, _outputs: Document, news: Document, /
    ) -> Difference:
        changed = not same(olds.get("name"), news.get("name"))
        return Difference(changed, ["name"] if changed else [])

    def create(self, type: str, inputs: Document, /, **_options: object) -> Existing:
        return self.read(type, str(inputs.get("name")), inputs)

    def read(self, type: str, id: str, inputs: Document, /) -> Existing:
        """Return the outputs of the stack ``[organization/[project/]]stack``."""
        _refuse_other_types(type)
        outputs = self._outputs_of(*_address(id))
        if outputs is None:
            raise NotDeployedError(
                f"The stack {id!r}, which the program refers to, was never deployed.",
                remedy="Deploy it first, or correct the name of the `StackReference`.",
            )
        secret_names = sorted(key for key, value in outputs.items() if has_secret(value))
        answer = {"name": id, "outputs": plain(dict(outputs)), "secretOutputNames": secret_names}
        hidden = [f"outputs.{key}" for key in secret_names]
        # A secret path splits at dots: where a name contains one, all outputs are marked instead.
        whole = ["outputs"] if any("." in key for key in secret_names) else hidden
        return Existing(id, inputs, answer, whole)

    def update(
        self,
        type: str,
        id: str,
        _olds: Document,
        _outputs: Document,
        news: Document,
        /,
        **_options: object,
    ) -> Existing:
        return self.read(type, id, news)

    def delete(self, _type: str, _id: str, _inputs: Document, /, **_options: object) -> None:
        """Do nothing: deleting a reference leaves the stack alone."""


def _address(id_: str) -> tuple[str | None, str]:
    *_, stack = parts = id_.split("/")
    return (parts[1] if len(parts) == _PARTS else None), stack


def _refuse_other_types(type_: str) -> None:
    if type_ != STACK_REFERENCE:
        raise UsageError(
            f"The embedded engine does not support resources of type {type_}.",
            remedy="Deploy with `aml up --engine pulumi`, which uses the Pulumi CLI.",
        )
