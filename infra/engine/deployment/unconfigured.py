"""The provider of a preview whose configuration is known after deployment only.

It knows nothing: inputs pass as they are, outputs are unknown.
"""

# ruff: noqa: ARG002 - the arguments are the protocol's

from infra.contract.provider import Checked, Difference, Existing, Json


class Unconfigured:
    """Stands in where, in a preview, a provider's configuration is not known yet."""

    def check(
        self,
        type: str,
        name: str,
        olds: Json | None,
        news: Json,
        seed: bytes,
    ) -> Checked:
        return Checked(news)

    def diff(
        self,
        type: str,
        id: str,
        olds: Json,
        old_outputs: Json,
        news: Json,
    ) -> Difference:
        return Difference(None)

    def create(self, type: str, inputs: Json, *, timeout_s: float, preview: bool) -> Existing:
        return Existing("", inputs, {})

    def read(self, type: str, id: str, inputs: Json) -> Existing | None:
        return Existing(id, inputs, {})

    def update(
        self,
        type: str,
        id: str,
        olds: Json,
        old_outputs: Json,
        news: Json,
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        return Existing(id, news, {})

    def delete(self, type: str, id: str, inputs: Json, *, timeout_s: float) -> None: ...
