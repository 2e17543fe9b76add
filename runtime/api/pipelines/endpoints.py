"""Where published pipelines are started over REST: addresses of the local cloud."""

import os
from typing import Final
from urllib.parse import quote

from infra.contract.discovery import LocalCloud, ensure_cloud
from runtime.api.exceptions import azureml_errors
from runtime.api.workspace import Workspace

_NO_SERVICE: Final = "aml://pipelines"
_BUNDLE: Final = "bundle.pem"
_HOST: Final = "127.0.0.1"


def pipeline_address(workspace: Workspace, pipeline_id: str) -> str:
    """Return the address that starts a published pipeline.

    The local cloud is started if it is not running; the requests of this process trust it from then
    on, and reach it past a proxy. For a workspace on Azure it is a name, at which nothing listens.
    """
    return _address(workspace, f"PipelineSubmit/{pipeline_id}")


def endpoint_address(workspace: Workspace, name: str) -> str:
    """Return the address that starts the default pipeline of an endpoint; else the same."""
    return _address(workspace, f"PipelineEndpointSubmit/Id/{quote(name, safe='')}")


def _address(workspace: Workspace, path: str) -> str:
    if not workspace.clients.local:
        return f"{_NO_SERVICE}/{path.rpartition('/')[2]}"
    with azureml_errors():
        cloud = ensure_cloud(workspace.session.home)
    _let_requests_reach(cloud)
    return f"{cloud.url}/pipelines/v1.0{workspace.id}/PipelineRuns/{path}"


def _let_requests_reach(cloud: LocalCloud) -> None:
    # `requests` takes an authority from here only; the bundle has the public ones, too.
    os.environ["REQUESTS_CA_BUNDLE"] = str(cloud.ca.with_name(_BUNDLE))
    # It reads the lower-case name first.
    name = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
    hosts = os.environ.get(name, "")
    if _HOST not in hosts.split(","):
        os.environ[name] = ",".join(filter(None, (hosts, _HOST)))
