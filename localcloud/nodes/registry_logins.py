"""With which user and password nodes pull: the connections of a workspace to image registries."""

from typing import Final

from infra.contract.json_types import Document
from localcloud.calls.cloud import Cloud
from localcloud.calls.paths import placed
from localcloud.nodes.engines import Login

_TYPE: Final = "Microsoft.MachineLearningServices/workspaces/connections"
_CATEGORY: Final = "ContainerRegistry"


def logins_of(cloud: Cloud, workspace: str) -> tuple[Login, ...]:
    """Return what the connections of a workspace sign in with; of one registry, the newest."""
    found: dict[str, Login] = {}
    for stored in cloud.store.resources.children(workspace, now=cloud.clock(), type=_TYPE):
        document = placed(dict(stored.document), dict(stored.secrets))
        login = _login(document.get("properties") or {})
        if login is not None:
            found[login.registry] = login
    return tuple(found.values())


def _login(properties: Document) -> Login | None:
    given = properties.get("credentials") or {}
    if properties.get("category") != _CATEGORY or not given.get("password"):
        return None
    target = str(properties.get("target") or "").rstrip("/")
    registry = target.removeprefix("https://").removeprefix("http://")
    return Login(registry, str(given.get("username") or ""), str(given["password"]))
