"""The local cloud as a process: discovery, one for each home, its port, TLS, how it stops."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from infra.contract.discovery import PROCESS_OWNER, ask, ensure_cloud, find_cloud
from infra.contract.errors import UnreachableError
from infra.contract.variables import DAEMON, selected
from localcloud import control
from tests.localcloud.harness import SUB, connect, start_daemon, stop_daemon


@pytest.fixture
def home(tmp_path):
    """A home whose daemon is stopped afterwards, however it was started."""
    yield tmp_path / "home"
    control.stop(tmp_path / "home")


def port_of(cloud) -> int:
    return int(cloud.url.rpartition(":")[2])


def test_it_is_discovered_by_its_file(cloud):
    found = find_cloud(cloud.home)
    assert found is not None
    status = ask(found, "/aml/status")
    assert status["id"] == found.id == cloud.id
    assert status["pid"] == found.pid
    assert {"version", "url", "subscription"} <= status.keys()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_its_certificate_is_valid_for_every_name_of_this_machine(cloud, host):
    context = ssl.create_default_context(cafile=str(cloud.ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    url = f"https://{host}:{port_of(cloud)}/metadata/endpoints"
    found = httpx.get(url, verify=context, params={"api-version": "2022-09-01"}).json()
    assert found["authentication"]["loginEndpoint"] == f"https://{host}:{port_of(cloud)}"


def test_it_is_not_trusted_without_its_authority(cloud):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(cloud.url + "/aml/status")


def test_its_secrets_are_readable_by_their_owner_only(cloud):
    folder = cloud.home / "cloud"
    for name in ("cloud.db", "cloud.key", "ca.key", "server.key", "discovery.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_head_has_no_body_and_a_204_no_length(cloud, group):
    answered = cloud.arm("HEAD", group)
    assert (answered.status_code, answered.content) == (204, b"")
    assert "content-length" not in answered.headers


def test_many_concurrent_calls(cloud, group):
    base = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"

    def put(number):
        return cloud.arm("PUT", f"{base}/identity{number}", {"location": "westeurope"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, range(24))) == {201}
    assert len(cloud.arm("GET", base).json()["value"]) == 24


def test_a_second_daemon_leaves_and_callers_share_the_first(cloud):
    first = find_cloud(cloud.home)
    second = subprocess.run(
        [sys.executable, "-m", "localcloud.daemon", "--home", str(cloud.home)],
        check=False, timeout=30,
    )  # fmt: skip
    assert second.returncode == 0
    assert ensure_cloud(cloud.home) == first


def test_it_starts_in_a_folder_that_shadows_a_package(home, tmp_path, monkeypatch):
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    assert ensure_cloud(home) == find_cloud(home)


def test_port_id_authority_and_resources_outlive_the_process(home):
    process = start_daemon(home)
    with connect(home) as before:
        before.arm("PUT", f"{SUB}/resourceGroups/kept", {"location": "westeurope"})
        authority = before.ca.read_bytes()
    assert stop_daemon(process) == 0
    assert find_cloud(home) is None
    assert not (home / "cloud" / "discovery.json").exists()
    again = start_daemon(home)
    with connect(home) as after:
        assert (after.id, after.url) == (before.id, before.url)
        assert after.ca.read_bytes() == authority
        assert after.arm("GET", f"{SUB}/resourceGroups/kept").status_code == 200
    assert stop_daemon(again) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_shuts_down_cleanly_on_a_signal(home, number):
    process = start_daemon(home)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert find_cloud(home) is None


def test_after_a_kill_it_is_not_found_and_starts_again(home):
    process = start_daemon(home)
    process.kill()
    process.communicate()
    assert find_cloud(home) is None
    assert ensure_cloud(home).pid != process.pid


def test_the_file_of_a_killed_daemon_is_not_taken_for_the_next_ones(home):
    running = ensure_cloud(home)
    file = home / "cloud/discovery.json"
    announced = file.read_text(encoding="utf-8")
    left = {**json.loads(announced), "pid": running.pid + 1}
    file.write_text(json.dumps(left), encoding="utf-8")
    assert find_cloud(home) is None
    file.write_text(announced, encoding="utf-8")  # it is stopped by way of it


def test_a_reset_keeps_only_the_port(home):
    before = ensure_cloud(home)
    with connect(home) as cloud:
        cloud.arm("PUT", f"{SUB}/resourceGroups/gone", {"location": "westeurope"})
    new = control.reset(home)
    after = find_cloud(home)
    assert after.id == new != before.id
    assert after.url == before.url
    with connect(home) as cloud:
        assert cloud.arm("GET", f"{SUB}/resourceGroups/gone").status_code == 404


def test_a_port_in_use_is_reported_with_the_remedy(home):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        process = start_daemon(home, "--port", str(port))
        _, said = process.communicate(timeout=20)
        assert process.returncode == 3
        assert f"port {port}" in said
        assert "--port" in said
        with pytest.raises(UnreachableError, match=f"port {port}"):
            ensure_cloud(home, port=port)


def test_a_chosen_port_is_kept(home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert port_of(ensure_cloud(home, port=port)) == port
    control.stop(home)
    assert port_of(ensure_cloud(home)) == port


def test_the_log_has_every_request_and_no_query(cloud):
    cloud.http.get("/metadata/endpoints", params={"sig": "canary-signature"})
    text = (cloud.home / "cloud" / "daemon.log").read_text()
    assert "GET /metadata/endpoints 200" in text
    assert "canary-signature" not in text


def test_the_discovery_file_has_the_keys_of_the_contract(cloud):
    document = json.loads((cloud.home / "cloud" / "discovery.json").read_text())
    assert document.keys() == {"id", "url", "ca", "pid", "token"}


def test_it_runs_where_pulumi_is_not_installed():
    program = (
        "import sys\nsys.modules['pulumi'] = sys.modules['pulumi_azure_native'] = None\n"
        "import localcloud.daemon\n"
        "heavy = {'azure', 'mlflow', 'sklearn', 'numpy', 'rich'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_keeps_nothing_of_the_environment_that_started_it_but_a_list(home):
    program = (
        "import pathlib\nfrom infra.contract.discovery import ensure_cloud\n"
        f"ensure_cloud(pathlib.Path({str(home)!r}))"
    )
    secrets = ("PULUMI_CONFIG_PASSPHRASE", "AZURE_CLIENT_SECRET", "MY_TOKEN", "UV_PUBLISH_TOKEN")
    around = os.environ | dict.fromkeys(secrets, "canary") | {"https_proxy": "http://proxy:1"}
    subprocess.run([sys.executable, "-c", program], env=around, check=True)
    process = Path(f"/proc/{find_cloud(home).pid}")
    kept = dict(
        each.split("=", 1) for each in (process / "environ").read_text().split("\0") if each
    )
    assert "canary" not in kept.values()
    assert kept == {**selected(around, DAEMON), PROCESS_OWNER: "localcloud"}
    assert kept["https_proxy"] == "http://proxy:1"


def test_a_folder_in_place_of_a_file_is_reported(home):
    (home / "cloud" / "discovery.json").mkdir(parents=True)
    with pytest.raises(UnreachableError, match=r"cannot use .*discovery.json: Is a dir") as refused:
        ensure_cloud(home)
    assert "Traceback" not in refused.value.detail


def test_an_unreadable_database_is_reported(home):
    (home / "cloud").mkdir(parents=True)
    (home / "cloud" / "cloud.db").write_bytes(b"nonsense" * 1000)
    with pytest.raises(UnreachableError, match="cannot be used"):
        ensure_cloud(home)


def test_a_missing_extra_is_named(tmp_path):
    program = (
        "import sys, pathlib\nsys.modules['uvicorn'] = None\n"
        "from infra.contract.discovery import ensure_cloud\n"
        f"ensure_cloud(pathlib.Path({str(tmp_path)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "MissingExtraError" in done.stderr
    assert "pip install 'aml-platform[localcloud]'" in done.stderr


def test_a_client_may_disconnect_early(cloud):
    found = find_cloud(cloud.home)
    address = ("127.0.0.1", port_of(found))
    context = ssl.create_default_context(cafile=str(cloud.ca))
    head = b"POST /t/oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"
    with context.wrap_socket(socket.create_connection(address), server_hostname="localhost") as one:
        one.sendall(head)
    assert ask(found, "/aml/status") is not None
    assert "Traceback" not in (cloud.home / "cloud" / "daemon.log").read_text()


def test_a_damaged_authority_is_made_again_at_the_next_start(home):
    first = ensure_cloud(home)
    control.stop(home)
    first.ca.write_text("nonsense")
    assert ensure_cloud(home).id == first.id


def test_a_running_cloud_with_a_damaged_authority_is_named_at_once(home):
    cloud = ensure_cloud(home)
    kept = cloud.ca.read_bytes()
    cloud.ca.write_text("nonsense")
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="its certificate authority cannot be used") as said:
        ensure_cloud(home)
    assert time.monotonic() - started < 15  # not the half minute that a start may take
    assert f"`kill {cloud.pid}`" in said.value.remedy
    cloud.ca.write_bytes(kept)
