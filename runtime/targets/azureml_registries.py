"""The connection through which a workspace pulls the images of a private registry, over ARM.

An environment of Azure ML has no place for a password: the nodes take it from a connection of the
category ``ContainerRegistry`` whose target is the registry (Microsoft's "Use custom containers").
"""

import re
from collections.abc import Iterator
from typing import Final

from infra.arm.client import Client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document, JsonObject
from runtime.model.environments import EnvironmentSpec, Registry
from runtime.targets.azureml_errors import checked_for_run
from runtime.targets.references import secret_of

CATEGORY: Final = "ContainerRegistry"
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def connect_registry(client: Client, workspace: str, environment: EnvironmentSpec) -> None:
    """Give a workspace the credentials with which an environment's image is pulled, if it has any.

    A connection of the same name is replaced. One that people made for the same registry and the
    same user is used as it is; another user's is refused with ``DefinitionError``.
    """
    registry = environment.image.registry if environment.image else None
    if registry is None or not registry.username:
        return
    name = connection_name(registry)
    for found in _connections(client, workspace):
        if found["name"] != name and _host(_target(found)) == _host(registry.address):
            _require_same_user(found, registry, environment.source)
            return
    path = f"{workspace}/connections/{name}"
    answer = client.send(
        "PUT",
        path,
        api_version=MACHINE_LEARNING,
        body=connection(registry, environment.source, local=client.endpoint.local),
    )
    checked_for_run(answer, at=path)


def connection_name(registry: Registry) -> str:
    """Return the name of the connection that is made for a registry."""
    return f"registry-{_OTHER.sub('-', _host(registry.address)).strip('-')}"


def connection(registry: Registry, source: str | None, *, local: bool) -> JsonObject:
    """Return the body of a registry's connection. Raises for a password that is not there.

    ``local``: it is for the local cloud.
    """
    password = secret_of(registry.password or "", local=local)
    if not password:
        raise DefinitionError(
            f"The registry {registry.address} has a username and no password.",
            remedy="Write `password: env:NAME`, the name of a variable that holds it. Passwords"
            " themselves are kept nowhere, so a run that is repeated has none.",
            at=source,
        )
    return {
        "properties": {
            "category": CATEGORY,
            "target": _host(registry.address),
            "authType": "UsernamePassword",
            "credentials": {"username": registry.username, "password": password},
            "metadata": {"username": registry.username},
        }
    }


def _require_same_user(found: Document, registry: Registry, source: str | None) -> None:
    metadata = found["properties"].get("metadata") or {}
    user = str(metadata.get("username") or registry.username)
    if user != registry.username:
        raise DefinitionError(
            f"The connection {found['name']!r} of the workspace already signs in to"
            f" {registry.address}, as {user} and not as {registry.username}.",
            remedy="Leave out `username` and `password` to use it, or delete it in the workspace.",
            at=source,
        )


def _connections(client: Client, workspace: str) -> Iterator[Document]:
    place: str | None = f"{workspace}/connections"
    while place:
        answer = client.send("GET", place, api_version=MACHINE_LEARNING)
        document = checked_for_run(answer, at=place).document
        for found in document.get("value") or []:
            if (found.get("properties") or {}).get("category") == CATEGORY:
                yield found
        place = document.get("nextLink")


def _target(connection: Document) -> str:
    return str(connection["properties"].get("target") or "")


def _host(address: str) -> str:
    return address.lower().removeprefix("https://").removeprefix("http://").rstrip("/")
