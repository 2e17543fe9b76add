"""The provider of a preview whose configuration is known after deployment only.

It knows nothing: inputs pass as they are, outputs are unknown.
"""

# ruff: noqa: ARG002 - the arguments are the protocol's

from infra.contract.json_types import Document
from infra.contract.provider import Checked, Difference, Existing


class UnconfiguredProvider:
    """Stands in where, in a preview, a provider's configuration is not known yet."""

    def check(
        self,
        type: str,
        name: str,
        olds: Document | None,
        news: Document,
        seed: bytes,
    ) -> Checked:
        return Checked(news)

    def diff(
        self,
        type: str,
        id: str,
        olds: Document,
        old_outputs: Document,
        news: Document,
    ) -> Difference:
        return Difference(None)

    def create(self, type: str, inputs: Document, *, timeout_s: float, preview: bool) -> Existing:
        return Existing("", inputs, {})

    def read(self, type: str, id: str, inputs: Document) -> Existing | None:
        return Existing(id, inputs, {})

    def update(
        self,
        type: str,
        id: str,
        olds: Document,
        old_outputs: Document,
        news: Document,
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        return Existing(id, news, {})

    def delete(self, type: str, id: str, inputs: Document, *, timeout_s: float) -> None: ...
