"""``Keyvault``, as in azureml-core: the secrets of a workspace's key vault.

They are set and read through the workspace, which keeps them in its key vault.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from infra.contract.json_types import Document
from runtime.agent.assets.errors import WebserviceException
from runtime.agent.assets.transport import HasTransport, objects, refused, request, segment
from runtime.api.exceptions import UserErrorException, azureml_errors

__all__ = ["Keyvault"]
_NOT_FOUND: Final = 404
_REFUSED: Final = 400


class Keyvault:
    """The secrets of a workspace's key vault. Values are never listed, only read by name."""

    def __init__(self, workspace: HasTransport) -> None:
        self._workspace = workspace

    def get_secret(self, name: str) -> str | None:
        """Return a secret, ``None`` if there is none of that name."""
        found = self._ask("GET", f"/{segment(name)}")
        return None if found is None else str(found["value"])

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, str | None]:
        """Return several secrets by name."""
        return {name: self.get_secret(name) for name in secrets}

    def get_secret_content_type(self, name: str) -> str | None:
        """Return the content type of a secret, ``None`` if it has none."""
        found = self._ask("GET", f"/{segment(name)}") or {}
        kind = found.get("contentType")
        return None if kind is None else str(kind)

    def set_secret(self, name: str, value: str, content_type: object = None) -> None:
        """Set a secret, which replaces an earlier one."""
        kind = {} if content_type is None else {"contentType": str(content_type)}
        if self._ask("PUT", "", {"name": name, "value": value, **kind}) is None:
            raise UserErrorException(
                "The workspace keeps no secrets.",
                remedy="Pass the value to the script in an environment variable.",
            )

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Set several secrets."""
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def delete_secret(self, name: str) -> None:
        """Delete a secret; one that is not there is no error."""
        self._ask("DELETE", f"/{segment(name)}")

    def delete_secrets(self, secrets: Sequence[str]) -> None:
        """Delete several secrets."""
        for name in secrets:
            self.delete_secret(name)

    def list_secrets(self) -> list[Document]:
        """Return the name of every secret, without its value."""
        listed = objects((self._ask("GET", "") or {}).get("value"))
        return [{"name": each["name"]} for each in listed]

    def _ask(self, method: str, path: str, body: Document | None = None) -> Document | None:
        """Return the answer to a request, ``None`` for what is not there."""
        transport = self._workspace.transport
        with azureml_errors():
            workspace = request(transport, "GET", "")
            properties = workspace.get("properties")
            url = str(properties["discoveryUrl"]) if isinstance(properties, dict) else ""
            services = request(transport, "GET", url)
            base = f"{str(services['api']).rstrip('/')}/credential/v2.0{transport.workspace_id}"
            status, answer = transport.arm(
                method, f"{base}/secrets{path}", None if body is None else dict(body)
            )
        if status == _NOT_FOUND:
            return None
        if status >= _REFUSED:
            error: WebserviceException = refused(status, answer)
            raise error
        return answer
