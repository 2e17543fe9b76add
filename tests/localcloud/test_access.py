"""Who may do what: bodies of strangers, pages in a browser, and addresses off this machine."""

import re
import socket
import ssl
from pathlib import Path

import pytest

from infra.contract.discovery import TENANT, find_cloud
from localcloud import control
from tests.localcloud.harness import SUB, make_workspace, start_daemon, stop_daemon

MIB = 1 << 20
HUGE = 400 * MIB
CONTROL = (
    ("GET", "/aml/status"), ("POST", "/aml/shutdown"), ("POST", "/aml/reset"),
    ("POST", "/aml/evict"), ("POST", "/aml/fault-injection"), ("GET", "/aml/fault-injection"),
    ("DELETE", "/aml/fault-injection"),
)  # fmt: skip


def connection(cloud):
    context = ssl.create_default_context(cafile=str(cloud.ca))
    port = int(cloud.url.rpartition(":")[2])
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return context.wrap_socket(plain, server_hostname="localhost")


def most_memory(cloud) -> int:
    """Return the most memory the daemon ever had, in bytes."""
    status = Path(f"/proc/{find_cloud(cloud.home).pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


@pytest.mark.parametrize(
    ("request_line", "headers"),
    [
        ("PUT /subscriptions/x/resourceGroups/g?api-version=2024-03-01", ""),
        ("PUT /accessblobs/con/blob", "x-ms-version: 2025-01-05\r\nx-ms-blob-type: BlockBlob\r\n"),
        ("POST /aml/fault-injection", "Content-Type: application/json\r\n"),
    ],
)
def test_without_a_token_no_body_is_read(cloud, request_line, headers):
    with connection(cloud) as client:
        headers += f"Host: localhost\r\nContent-Length: {HUGE}\r\n"
        head = f"{request_line} HTTP/1.1\r\n{headers}\r\n"
        client.sendall(head.encode())
        status = client.recv(1000).split(b" ")[1]
    assert status in {b"401", b"404"}


def test_a_body_without_a_token_is_not_kept_in_memory(cloud):
    before = most_memory(cloud)
    with connection(cloud) as client:
        path = f"{SUB}/resourceGroups/g?api-version=2024-03-01"
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {64 * MIB}\r\n\r\n"
        client.sendall(head.encode())
        for _ in range(64):
            client.sendall(b" " * MIB)
        assert client.recv(1000).startswith(b"HTTP/1.1 401")
    assert most_memory(cloud) - before < 16 * MIB


@pytest.mark.parametrize("declared", [True, False])
def test_a_document_has_a_limit_whether_its_length_is_declared_or_not(cloud, declared):
    content = b" " * (17 * MIB)
    sent = content if declared else iter([content])
    answered = cloud.http.put(
        f"{SUB}/resourceGroups/g", params={"api-version": "2024-03-01"}, content=sent
    )
    assert (answered.status_code, answered.json()["error"]["code"]) == (
        413,
        "RequestContentTooLarge",
    )


def test_a_blob_goes_to_disk_and_not_through_memory(cloud, group):
    workspace = f"/mlflow/v2.0{make_workspace(cloud.arm, group)}"
    before = most_memory(cloud)
    path = f"{workspace}/api/2.0/mlflow-artifacts/artifacts/big"
    answered = cloud.http.put(path, content=(b"x" * MIB for _ in range(96)), timeout=60)
    assert answered.status_code == 200
    assert most_memory(cloud) - before < 32 * MIB
    assert len(cloud.http.get(path).content) == 96 * MIB


def test_the_form_of_a_token_has_a_limit(cloud):
    form = b"grant_type=client_credentials&scope=" + b"a" * 100_000
    answered = cloud.http.post(f"/{TENANT}/oauth2/v2.0/token", content=form)
    assert answered.status_code == 413


@pytest.mark.parametrize(("method", "path"), CONTROL)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"host": "evil.example:443"}, 403),
        ({"host": "evil.example", "origin": "https://evil.example"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_page_of_another_site_cannot_control_the_cloud(cloud, method, path, headers, status):
    headers = {"content-type": "application/json"} | headers
    answered = cloud.http.request(method, path, headers=headers, content=b"{}")
    assert answered.status_code == status
    assert find_cloud(cloud.home).id == cloud.id


def test_a_body_without_a_type_does_not_control_the_cloud(cloud):
    answered = cloud.http.post("/aml/reset", content=b"{}")
    assert answered.status_code == 415


@pytest.mark.parametrize(
    ("path", "method"), [(f"/{TENANT}/oauth2/v2.0/token", "POST"), ("/msi/token", "GET")]
)
def test_a_page_of_another_site_gets_no_token(cloud, path, method):
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        assert cloud.http.request(method, path, headers=headers).status_code == 403


def test_the_clients_of_the_cloud_control_it(tmp_path):
    home = tmp_path / "home"
    daemon = start_daemon(home)
    try:
        status = control.status(home)
        assert status.running
        assert control.reset(home) != status.id
        assert control.stop(home)
        assert daemon.wait(20) == 0
    finally:
        stop_daemon(daemon)


ADDRESS = re.compile(r"https?://([^/\s\"';]+)")


def test_nothing_that_is_answered_leads_off_this_machine(chain, chain_workspace):
    group = chain_workspace.partition("/providers/")[0]
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/images"
    chain.arm("PUT", registry, {"location": "westeurope", "sku": {"name": "Basic"}})
    answers = [
        chain.arm("GET", each.id).content.decode()
        for each in chain.cloud.store.resources.in_scope(group, now=chain.clock.now)
    ]
    answers.append(chain.call("GET", "/discovery").content.decode())
    hosts = {host for text in answers for host in ADDRESS.findall(text)}
    assert hosts == {"127.0.0.1:1"}
    assert not re.search(r"\.(vault\.azure\.net|azurecr\.io|notebooks\.azure)", "".join(answers))


@pytest.mark.parametrize("service", ["dfs", "file", "queue", "table", "web"])
def test_an_endpoint_of_a_service_it_does_not_have_says_so(chain, chain_workspace, service):
    group = chain_workspace.partition("/providers/")[0]
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/gdemost"
    endpoints = chain.arm("GET", account).json()["properties"]["primaryEndpoints"]
    path = endpoints[service].removeprefix("https://127.0.0.1:1")
    for each in (path, f"{path}share/file.txt"):
        answered = chain.call("PUT", each)
        assert answered.status_code == 501
        assert f"no {service} service" in answered.content.decode()
