"""Public access switched off, firewalls, and who is inside a virtual network."""

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from localcloud.calls.peers import run_token
from localcloud.calls.tokens import issue
from tests.localcloud.harness import IMAGE
from tests.localcloud.test_jobs_running import ENDED, Jobs

HERE = {"location": "westeurope"}
NETWORK = "Microsoft.Network/virtualNetworks"


@pytest.fixture
def closed(chain, chain_workspace):
    """Return a workspace whose account, vault and own services the internet does not reach."""
    ids = chain.arm("GET", chain_workspace).json()["properties"]
    for id_ in (ids["storageAccount"], ids["keyVault"], chain_workspace):
        chain.arm("PATCH", id_, {"properties": {"publicNetworkAccess": "Disabled"}})
    group = chain_workspace.partition("/providers/")[0]
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    for name in ("net", "other"):
        subnets = [{"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/24"}}]
        body = {**HERE, "properties": {**space, "subnets": subnets}}
        chain.arm("PUT", f"{group}/providers/{NETWORK}/{name}", body)
    return {**ids, "workspace": chain_workspace, "net": f"{group}/providers/{NETWORK}"}


def endpoint(chain, closed, target, service):
    group = target.partition("/providers/")[0]
    subnet = {"id": f"{closed['net']}/net/subnets/nodes"}
    to = {"privateLinkServiceId": target, "groupIds": [service]}
    links = [{"name": "one", "properties": to}]
    body = {**HERE, "properties": {"subnet": subnet, "privateLinkServiceConnections": links}}
    path = f"{group}/providers/Microsoft.Network/privateEndpoints/to-{service}"
    assert chain.arm("PUT", path, body).status_code == 201


def from_network(chain, network=None):
    token = issue(chain.cloud, "https://tests", "aml-node", network=network)
    return {"authorization": f"Bearer {token}", "x-ms-version": "2024-11-04"}


def asked(chain, closed, network=None):
    """Return the statuses of the workspace's services, its account and its vault."""
    headers = from_network(chain, network)
    account, vault = (closed[key].rpartition("/")[2] for key in ("storageAccount", "keyVault"))
    paths = (
        f"/history/v1.0{closed['workspace']}/experiments/none/runs/none",
        f"/datastore/v1.0{closed['workspace']}/default",
        f"/{account}?comp=list",
        f"/{vault}.vault/secrets",
    )
    found = []
    for path in paths:
        plain, _, query = path.partition("?")
        asked = dict(part.split("=") for part in query.split("&") if part)
        found.append(chain.call("GET", plain, query=asked, headers=headers))
    return found


def statuses(chain, closed, network=None):
    return [each.status_code for each in asked(chain, closed, network)]


OPEN = [404, 200, 200, 200]
CLOSED = [403, 403, 403, 403]


def test_the_internet_is_refused_in_the_services_words(chain, closed):
    refused = asked(chain, closed)
    assert [each.status_code for each in refused] == CLOSED
    codes = ("UserError", "UserError", "AuthorizationFailure", "ForbiddenByConnection")
    for each, code in zip(refused, codes, strict=True):
        assert code in each.content.decode()
        assert "aml cloud inside on" in each.content.decode()
    assert chain.arm("GET", closed["workspace"]).status_code == 200


def test_whoever_is_inside_is_let_in_until_a_reset(chain, closed):
    chain.cloud.inside = True
    assert statuses(chain, closed) == OPEN
    assert statuses(chain, closed, "") == CLOSED, "a job of a compute in no network"
    chain.cloud.inside = False
    assert statuses(chain, closed) == CLOSED


def test_a_private_endpoint_leads_in_from_its_own_network(chain, closed):
    network = f"{closed['net']}/net/subnets/nodes"
    assert statuses(chain, closed, network) == CLOSED
    endpoint(chain, closed, closed["storageAccount"], "blob")
    assert statuses(chain, closed, network) == [403, 403, 200, 403]
    endpoint(chain, closed, closed["keyVault"], "vault")
    endpoint(chain, closed, closed["workspace"], "amlworkspace")
    assert statuses(chain, closed, network) == OPEN
    assert statuses(chain, closed, f"{closed['net']}/other/subnets/nodes") == CLOSED


def test_a_rejected_endpoint_leads_nowhere(chain, closed):
    network = f"{closed['net']}/net/subnets/nodes"
    for target, service in (("storageAccount", "blob"), ("keyVault", "vault"),
                            ("workspace", "amlworkspace")):  # fmt: skip
        endpoint(chain, closed, closed[target], service)
    assert statuses(chain, closed, network) == OPEN
    state = {"status": "Rejected", "description": "not ours"}
    body = {"properties": {"privateLinkServiceConnectionState": state}}
    for target, service in (("storageAccount", "blob"), ("workspace", "amlworkspace")):
        path = f"{closed[target]}/privateEndpointConnections/to-{service}"
        answered = chain.arm("PUT", path, body)
        assert answered.status_code == 200, answered.content
        found = answered.json()["properties"]["privateLinkServiceConnectionState"]
        assert found == {**state, "actionsRequired": "None"}
    assert statuses(chain, closed, network) == [403, 403, 403, 200]


def test_the_managed_network_reaches_what_the_workspace_stands_on(chain, closed):
    assert statuses(chain, closed, closed["workspace"]) == OPEN


def test_a_firewall_lets_in_its_subnets(chain, closed):
    nodes = f"{closed['net']}/net/subnets/nodes"
    wall = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": nodes}]}
    for key in ("storageAccount", "keyVault"):
        body = {"properties": {"publicNetworkAccess": "Enabled", "networkAcls": wall}}
        chain.arm("PATCH", closed[key], body)
    assert statuses(chain, closed, nodes)[2:] == [200, 200]
    assert statuses(chain, closed, f"{closed['net']}/other/subnets/nodes")[2:] == [403, 403]
    assert "ForbiddenByFirewall" in asked(chain, closed)[3].content.decode()


def test_a_copy_from_a_closed_account_is_refused(chain, closed):
    account = closed["storageAccount"].rpartition("/")[2]
    query = "&".join(f"{k}={v}" for k, v in chain.account_signature(account).items())
    headers = {"x-ms-copy-source": f"https://x/{account}/c/a?{query}", "x-ms-version": "2024-11-04"}
    said = chain.call("PUT", f"/{account}/c/b", headers={**from_network(chain), **headers})
    assert said.status_code == 403


CONNECT = """\
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as made:
    made.sendall(b"here")
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who is connected")
@pytest.mark.parametrize(
    ("variables", "said"), [({"AZUREML_RUN_TOKEN": "its.token"}, "its.token"), ({}, "")]
)
def test_a_connection_of_a_runs_process_is_the_runs(variables, said):
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        environment = {**os.environ, **variables}
        command = [sys.executable, "-I", "-c", CONNECT, str(port)]
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as client:
            connection, (_, peer) = server.accept()
            with connection:
                assert connection.recv(4) == b"here"
                assert run_token(peer, port) == said
            client.communicate(b"")
    assert run_token(peer, port) == ""


FETCH = "import urllib.request as u; print(u.urlopen('{url}').status)"


@pytest.fixture
def jobs(cloud, workspace) -> Jobs:
    jobs = Jobs(cloud, workspace)
    jobs.cluster("cpu")
    jobs.put("environments/bare/versions/1", {"properties": {"image": IMAGE}})
    return jobs


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who is connected")
def test_a_firewall_lets_in_the_jobs_of_its_subnet(jobs, group) -> None:
    cloud, here = jobs.cloud, {"location": "westeurope"}
    network = f"{group}/providers/Microsoft.Network/virtualNetworks/net"
    subnets = [{"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    body = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets}
    cloud.arm("PUT", network, {**here, "properties": body})
    subnet = f"{network}/subnets/nodes"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/walledoff"
    wall = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": subnet}]}
    body = {**here, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    cloud.arm("PUT", account, {**body, "properties": {"networkAcls": wall}})
    key = cloud.arm("POST", f"{account}/listKeys").json()["keys"][0]["value"]
    signature = generate_account_sas(
        "walledoff",
        key,
        resource_types=ResourceTypes(service=True),
        permission=AccountSasPermissions(list=True),
        expiry="2099-01-01T00:00:00Z",
    )
    url = f"{cloud.url}/walledoff?comp=list&{signature}"
    assert cloud.http.get(url, headers={"authorization": ""}).status_code == 403
    jobs.cluster("walled", subnet={"id": subnet})
    command = f'python -c "{FETCH.format(url=url)}"'
    inside, outside = jobs.submit(command, computeId="walled"), jobs.submit(command)
    assert jobs.until(outside, ENDED) == "Failed"
    assert "HTTP Error 403" in jobs.log(outside)
    assert jobs.until(inside, ENDED) == "Completed", jobs.log(inside)
    assert jobs.log(inside) == "200\n"
    data = {"one": {"jobInputType": "uri_folder", "uri": f"{cloud.url}/walledoff/files/"}}
    reasons = [each["data"].get("reason") for each in jobs.events(jobs.run("true", inputs=data))]
    assert "'walledoff' does not let in the network of the compute 'cpu'" in str(reasons)
