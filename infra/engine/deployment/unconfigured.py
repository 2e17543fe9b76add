"""The provider of a preview whose configuration is known after deployment only.

It calls no service: inputs pass unchanged, outputs are unknown.
"""

from infra.contract.json_types import Document
from infra.contract.provider import Checked, Difference, Existing


class UnconfiguredProvider:
    """Replaces, in a preview, a provider whose configuration is not known yet."""

    def check(
        self, _type: str, _name: str, _olds: Document | None, news: Document, _seed: bytes, /
    ) -> Checked:
        return Checked(news)

    def diff(
        self, _type: str, _id: str, _olds: Document, _outputs: Document, _news: Document, /
    ) -> Difference:
        return Difference(None)

    def create(self, _type: str, inputs: Document, /, **_options: object) -> Existing:
        return Existing("", inputs, {})

    def read(self, _type: str, id: str, inputs: Document, /) -> Existing | None:
        return Existing(id, inputs, {})

    def update(
        self,
        _type: str,
        id: str,
        _olds: Document,
        _outputs: Document,
        news: Document,
        /,
        **_options: object,
    ) -> Existing:
        return Existing(id, news, {})

    def delete(self, _type: str, _id: str, _inputs: Document, /, **_options: object) -> None: ...
