"""``Keyvault``, as in azureml-core: the secrets of a workspace's key vault."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.workspaces.clients import Clients

__all__ = ["Keyvault"]
_SCOPE: Final = "https://vault.azure.net/.default"
_VERSION: Final = "7.4"
_NOT_FOUND: Final = 404
_REFUSED: Final = 400


class HasVault(Protocol):
    """A workspace, as far as it is used here."""

    name: str

    @property
    def clients(self) -> Clients: ...

    def get_details(self) -> JsonObject: ...


class Keyvault:
    """The secrets of a workspace's key vault on Azure. The local cloud keeps no secrets."""

    def __init__(self, workspace: HasVault) -> None:
        self._workspace = workspace

    def get_secret(self, name: str) -> str | None:
        """Return a secret, ``None`` if there is none of that name."""
        found = self._ask("GET", f"secrets/{name}")
        return None if found is None else str(found["value"])

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, str | None]:
        """Return several secrets by name."""
        return {name: self.get_secret(name) for name in secrets}

    def set_secret(self, name: str, value: str, content_type: str | None = None) -> None:
        """Set a secret; the vault keeps earlier values as versions."""
        body = {"value": value} | ({"contentType": content_type} if content_type else {})
        self._ask("PUT", f"secrets/{name}", body)

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Set several secrets."""
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def delete_secret(self, name: str) -> None:
        """Delete a secret."""
        self._ask("DELETE", f"secrets/{name}")

    def delete_secrets(self, secrets: Sequence[str]) -> None:
        """Delete several secrets."""
        for name in secrets:
            self.delete_secret(name)

    def list_secrets(self) -> list[Document]:
        """Return name and content type of every secret, without the values."""
        listed = (self._ask("GET", "secrets") or {}).get("value", [])
        return [
            {"name": str(each["id"]).rpartition("/")[2], "content_type": each.get("contentType")}
            for each in listed
        ]

    def _ask(self, method: str, path: str, body: Document | None = None) -> Document | None:
        if self._workspace.clients.local:
            raise UserErrorException(
                f"The key vault of workspace {self._workspace.name!r} is in the local cloud, which"
                " keeps no secrets.",
                remedy="Pass the value to the script in an environment variable, or use a stack on"
                " Azure.",
            )
        with azureml_errors():
            vault = parse_arm_id(str(self._workspace.get_details()["keyVault"])).name
            token = self._workspace.clients.token(_SCOPE)
        answer = load("httpx:request")(
            method,
            f"https://{vault}.vault.azure.net/{path}",
            params={"api-version": _VERSION},
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        if answer.status_code == _NOT_FOUND:
            return None
        if answer.status_code >= _REFUSED:
            problem = answer.json().get("error", {}).get("message", answer.reason_phrase)
            raise UserErrorException(
                f"Key vault {vault!r} refused: {problem}",
                remedy="Ask for the role Key Vault Secrets Officer, or an access policy.",
            )
        document: Document = answer.json()
        return document
