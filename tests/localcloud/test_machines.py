"""Virtual machines as OpenSSH's clients, paramiko and ARM see them."""

import json
import os
import shlex
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from runtime.cli.root import run
from tests.localcloud.harness import (
    SUB,
    alive,
    connect,
    running_daemon,
    start_daemon,
    stop_daemon,
    waited,
)

HERE = {"location": "westeurope"}
PASSWORD = "Correct-horse-1"


@dataclass(frozen=True)
class Box:
    """A machine of a running cloud, and the files with which to log in."""

    cloud: object
    id: str
    port: int
    host_key: str
    user: str
    key: Path

    @property
    def options(self) -> list[str]:
        known = self.key.with_name("known_hosts")
        known.write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")
        settings = (f"UserKnownHostsFile={known}", "StrictHostKeyChecking=yes", "BatchMode=yes")
        return ["-F", "/dev/null", "-i", str(self.key), *(f"-o{each}" for each in settings)]

    @property
    def where(self) -> str:
        return f"{self.user}@127.0.0.1"

    def ssh(self, command: str = "", *options: str, **kwargs) -> subprocess.CompletedProcess:
        words = ["ssh", *self.options, "-p", str(self.port), *options, self.where]
        return plain([*words, *([command] if command else [])], **kwargs)

    def says(self, command: str, *options: str, **kwargs) -> str:
        done = self.ssh(command, *options, **kwargs)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def power(self, action: str) -> None:
        assert self.cloud.arm("POST", f"{self.id}/{action}").status_code == 202

    def state(self) -> str:
        view = self.cloud.arm("GET", f"{self.id}/instanceView").json()
        return view["statuses"][-1]["code"]


def plain(words: list[str], **kwargs) -> subprocess.CompletedProcess:
    kwargs = {"capture_output": True, "text": True, "timeout": 60, **kwargs}
    return subprocess.run(words, check=False, **kwargs)


def put(cloud, path: str, properties: dict, **more):
    answered = cloud.arm("PUT", path, {**HERE, **more, "properties": properties})
    assert answered.status_code in {200, 201}, answered.content
    return answered


def network(cloud, group: str, name: str) -> str:
    """Make a network card with a public address; return its id."""
    below = f"{group}/providers/Microsoft.Network"
    cloud.arm("PUT", group, HERE)
    subnets = [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    put(cloud, f"{below}/virtualNetworks/net", {"addressSpace": {}, "subnets": subnets})
    put(cloud, f"{below}/publicIPAddresses/{name}", {})
    address = {"id": f"{below}/publicIPAddresses/{name}", "properties": {"deleteOption": "Delete"}}
    inner = {"subnet": {"id": f"{below}/virtualNetworks/net/subnets/default"}}
    configuration = {"name": "first", "properties": {**inner, "publicIPAddress": address}}
    card = f"{below}/networkInterfaces/{name}"
    put(cloud, card, {"ipConfigurations": [configuration]})
    return card


def machine_body(card: str, key: str = "", password: str = "", user: str = "ops") -> dict:
    path = f"/home/{user}/.ssh/authorized_keys"
    keys = {"ssh": {"publicKeys": [{"path": path, "keyData": key}]}} if key else {}
    profile = {"adminUsername": user, "linuxConfiguration": keys}
    return {
        "hardwareProfile": {"vmSize": "Standard_DS3_v2"},
        "osProfile": {**profile, **({"adminPassword": password} if password else {})},
        "networkProfile": {
            "networkInterfaces": [{"id": card, "properties": {"deleteOption": "Delete"}}]
        },
    }


def machine(cloud, folder: Path, name: str) -> Box:
    """Make a machine that takes a key and a password."""
    key = folder / f"{name}-key"
    plain(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    group = f"{SUB}/resourceGroups/{name}"
    made = f"{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    card = network(cloud, group, name)
    put(cloud, made, machine_body(card, key.with_suffix(".pub").read_text(), PASSWORD))
    view = cloud.arm("GET", f"{made}/instanceView").json()
    said = {s["code"]: s["displayStatus"] for s in view["extensions"][0]["statuses"]}
    return Box(cloud, made, int(said["Ssh/port"]), said["Ssh/hostKey"], "ops", key)


@pytest.fixture(scope="module")
def box(cloud, tmp_path_factory) -> Box:
    return machine(cloud, tmp_path_factory.mktemp("box"), "box")


def test_a_command_has_streams_a_home_and_an_exit_code(box):
    done = box.ssh("cat; echo err >&2; exit 3", input="in")
    assert (done.returncode, done.stdout, done.stderr) == (3, "in", "err\n")
    home = Path(box.says("pwd").strip())
    assert home.is_relative_to(box.cloud.home / "cloud" / "machines")
    assert box.says('echo "$HOME $USER $LOGNAME"').split() == [str(home), "ops", "ops"]


def test_a_command_ended_by_a_signal_has_no_exit_code(box):
    assert box.ssh("kill -TERM $$").returncode == 255


def test_output_is_complete_however_large(box):
    assert box.says("head -c 20000000 /dev/zero | wc -c; echo end").split() == ["20000000", "end"]
    done = box.ssh("wc -c", input="x" * 3_000_000)
    assert done.stdout.split() == ["3000000"]
    assert box.ssh("head -c 1", input="x" * 3_000_000).stdout == "x"


def test_variables_of_the_client_are_set(box):
    env = {**os.environ, "LC_OWN": "value"}
    assert box.says("echo $LC_OWN", "-oSendEnv=LC_OWN", env=env) == "value\n"
    assert "/machines/" in box.says("echo $HOME", "-oSetEnv=HOME=/elsewhere")


def test_nothing_of_the_daemons_secrets_is_in_a_login(box):
    names = {line.partition("=")[0] for line in box.says("env").splitlines()}
    assert names.isdisjoint({"PULUMI_CONFIG_PASSPHRASE", "PYTHONPATH", "AZUREML_PROCESS_OWNER"})
    assert {"PATH", "SHELL", "SSH_CONNECTION"} <= names


def test_a_shell_on_a_terminal(box):
    done = box.ssh("", "-tt", input="stty size; tty; echo $TERM; exit 4\n")
    assert done.returncode == 4
    assert "/dev/pts/" in done.stdout
    assert "24 80" in done.stdout


def test_a_terminal_that_closes_hangs_up(box):
    words = ["ssh", *box.options, "-p", str(box.port), "-tt", box.where, "echo $$; exec sleep 600"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        pid = int(client.stdout.readline())
        client.kill()
    waited(lambda: not alive(pid))


def test_a_command_without_a_terminal_survives_its_client(box):
    words = ["ssh", *box.options, "-p", str(box.port), box.where, "echo $$; exec sleep 600"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as client:
        pid = int(client.stdout.readline())
        client.kill()
    assert box.says(f"kill -0 {pid} && kill {pid} && echo there") == "there\n"


def test_files_by_scp_sftp_and_rsync(box, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_text("text")
    port = str(box.port)
    for how in ([], ["-O"]):
        words = ["scp", "-q", "-r", *how, *box.options, "-P", port]
        assert plain([*words, str(tmp_path / "a"), f"{box.where}:copied{len(how)}"]).returncode == 0
    batch = "put -r a sent\nrename sent moved\nget moved/f back\nln -s moved/f link\nls -l link\n"
    words = ["sftp", "-b", "-", *box.options, "-P", port, box.where]
    assert plain(words, input=batch, cwd=tmp_path).returncode == 0
    shell = shlex.join(["ssh", *box.options, "-p", port])
    words = ["rsync", "-a", "--delete", "-e", shell, f"{tmp_path}/a/", f"{box.where}:synced/"]
    assert plain(words).returncode == 0
    found = box.says("cat copied0/f copied1/f moved/f link synced/f")
    assert found == "text" * 5
    assert (tmp_path / "back").read_text() == "text"


def test_ports_and_unix_sockets_are_forwarded(box, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as inside:
        threading.Thread(target=greet, args=(inside,), daemon=True).start()
        to = f"127.0.0.1:{inside.getsockname()[1]}"
        assert box.ssh("", "-W", to, input="").stdout == "hello"
    (tmp_path / "s").mkdir()
    with socket.socket(socket.AF_UNIX) as inside:
        inside.bind(str(tmp_path / "s" / "in"))
        inside.listen()
        threading.Thread(target=greet, args=(inside,), daemon=True).start()
        options = ["-N", "-L", f"{tmp_path}/s/out:{tmp_path}/s/in"]
        words = ["ssh", *box.options, "-p", str(box.port), *options, box.where]
        with subprocess.Popen(words) as client:
            waited((tmp_path / "s" / "out").exists)
            with socket.socket(socket.AF_UNIX) as outside:
                outside.connect(str(tmp_path / "s" / "out"))
                assert outside.recv(16) == b"hello"
            client.terminate()


def greet(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.sendall(b"hello")


def paramiko_client(box: Box, **how) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    kind, text = box.host_key.split()
    wanted = paramiko.hostkeys.HostKeyEntry.from_line(f"[127.0.0.1]:{box.port} {kind} {text}").key
    client.get_host_keys().add(f"[127.0.0.1]:{box.port}", kind, wanted)
    client.connect("127.0.0.1", box.port, box.user, allow_agent=False, look_for_keys=False, **how)
    return client


def test_paramiko_with_a_password_and_a_key(box):
    with paramiko_client(box, password=PASSWORD) as client:
        _, out, _ = client.exec_command("echo hi; exit 7")
        assert (out.read(), out.channel.recv_exit_status()) == (b"hi\n", 7)
        with client.open_sftp() as files:
            with files.open("by-sftp", "w") as sink:
                sink.write("text")
            assert files.stat("by-sftp").st_size == 4
    with paramiko_client(box, key_filename=str(box.key)) as client:
        assert client.exec_command("cat by-sftp")[1].read() == b"text"


@pytest.mark.parametrize("how", [{"password": "wrong"}, {"password": ""}])
def test_a_wrong_password_is_refused(box, how):
    with pytest.raises(paramiko.AuthenticationException):
        paramiko_client(box, **how)


def test_another_user_is_refused(box):
    words = ["ssh", *box.options, "-p", str(box.port), "root@127.0.0.1", "id"]
    assert "Permission denied" in plain(words).stderr


def test_a_key_added_in_the_home_folder_may_log_in(box, tmp_path):
    other = tmp_path / "other"
    plain(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)])
    box.says("cat >> .ssh/authorized_keys", input=other.with_suffix(".pub").read_text())
    done = plain(["ssh", *box.options, "-i", str(other), "-p", str(box.port), box.where, "echo in"])
    assert done.stdout == "in\n"


def test_a_stop_kills_what_runs_and_a_start_serves_the_same_machine(cloud, tmp_path):
    box = machine(cloud, tmp_path, "stops")
    bare = "sh -c 'env -i sleep 600; true'"  # loses the machine's mark
    starts = "nohup setsid {} >/dev/null 2>&1 & echo $!; echo kept > file"
    pids = [int(box.says(starts.format(each))) for each in ("sleep 600", bare)]
    for action, state in (("powerOff", "stopped"), ("deallocate", "deallocated")):
        box.power(action)
        assert box.state() == f"PowerState/{state}"
    assert [pid for pid in pids if alive(pid)] == []
    assert "refused" in box.ssh("true").stderr
    box.power("start")
    assert box.says("cat file") == "kept\n"
    box.power("restart")
    assert box.state() == "PowerState/running"
    assert box.says("cat file") == "kept\n"


def test_a_delete_removes_the_files_and_what_is_deleted_with_the_machine(cloud, tmp_path):
    box = machine(cloud, tmp_path, "goes")
    home = Path(box.says("pwd").strip())
    card = box.id.replace("Compute/virtualMachines", "Network/networkInterfaces")
    address = box.id.replace("Compute/virtualMachines", "Network/publicIPAddresses")
    assert cloud.arm("DELETE", card).json()["error"]["code"] == "NicInUse"
    refused = cloud.arm("DELETE", address).json()
    assert refused["error"]["code"] == "PublicIPAddressCannotBeDeleted"
    assert cloud.arm("DELETE", box.id).status_code == 202
    assert not home.parent.exists()
    assert "refused" in box.ssh("true").stderr
    assert [cloud.arm("GET", each).status_code for each in (card, address)] == [404, 404]


def test_machines_come_back_with_the_daemon(tmp_path):
    with running_daemon(tmp_path / "home") as cloud:
        box, off = machine(cloud, tmp_path, "back"), machine(cloud, tmp_path, "off")
        off.power("powerOff")
        pid = int(box.says("nohup sleep 600 >/dev/null 2>&1 & echo $!"))
    assert not alive(pid)
    process = start_daemon(tmp_path / "home")
    pid = int(box.says("nohup sleep 600 >/dev/null 2>&1 & echo $!"))
    assert "refused" in off.ssh("true").stderr
    process.kill()  # without a chance to end what runs
    process.communicate()
    process = start_daemon(tmp_path / "home")
    assert not alive(pid)
    assert box.says("echo again") == "again\n"
    with connect(tmp_path / "home") as cloud:
        assert cloud.http.post("/aml/reset").status_code == 200
    assert "refused" in box.ssh("true").stderr
    assert not (tmp_path / "home" / "cloud" / "machines").exists()
    stop_daemon(process)


def test_a_password_is_in_no_response_and_not_in_the_clear_on_disk(box):
    shown = box.cloud.arm("GET", box.id, **{"$expand": "instanceView"})
    assert shown.json()["properties"]["instanceView"]["statuses"]
    assert "adminPassword" not in shown.text
    stored = (box.cloud.home / "cloud").glob("cloud.db*")
    assert all(PASSWORD.encode() not in file.read_bytes() for file in stored)
    log = (box.cloud.home / "cloud" / "daemon.log").read_text()
    assert PASSWORD not in log
    assert "echo" not in log


def test_aml_cloud_vm(tmp_path, monkeypatch, capfd, cloud):
    def aml(*arguments) -> tuple[int, str, str]:
        code = run(["cloud", "vm", *arguments])
        return code, *capfd.readouterr()

    monkeypatch.setenv("AML_HOME", str(cloud.home))
    monkeypatch.setenv("SECRET", PASSWORD)
    made = json.loads(aml("create", "dsvm", "--json")[1])
    key = Path(made["private_key"])
    assert key == cloud.home / "keys" / "dsvm"
    box = Box(cloud, made["id"], made["port"], made["host_key"], made["user"], key)
    assert box.says("echo hi") == "hi\n"
    assert f"127.0.0.1:{made['port']}" in aml("list")[1]
    assert aml("create", "dsvm")[0] == 2
    _, _, said = aml("create", "second", "--user", "ops", "--password-env", "SECRET")
    assert "password=env:SECRET" in said
    assert aml("delete", "second", "--yes")[0] == 0
    assert aml("stop", "dsvm")[1].startswith("dsvm  stopped")
    assert json.loads(aml("start", "dsvm", "--json")[1])["port"] == made["port"]
    assert json.loads(aml("show", "dsvm", "--json")[1]) == made
    assert "'dsvm'" in aml("show", "dsv")[2]
    assert aml("delete", "dsvm")[0] == 2
    assert aml("delete", "dsvm", "--yes")[0] == 0
    assert not key.exists()
    assert (aml("list", "--json")[1], aml("show", "dsvm")[0]) != ("[]", 0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": "short"}, "between 6-72"),
        ({"password": "alllowercase"}, "at least 3 of these"),
        ({"password": PASSWORD, "user": "root"}, "not allowed"),
        ({"password": PASSWORD, "user": "a b"}, "is not valid"),
        ({}, "adminPassword"),
        ({"key": "not a key"}, "keyData' is invalid"),
    ],
)
def test_what_azure_refuses_of_an_account(chain, changes, says):
    group = f"{SUB}/resourceGroups/g"
    card = network(chain, group, "refused")
    body = {**HERE, "properties": machine_body(card, **changes)}
    path = f"{group}/providers/Microsoft.Compute/virtualMachines/refused"
    answered = chain.arm("PUT", path, body)
    assert answered.status_code == 400
    assert says in answered.json()["error"]["message"]


def test_a_machine_needs_a_card_of_its_own_and_a_size(chain):
    group = f"{SUB}/resourceGroups/g"
    card = network(chain, group, "card")
    path = f"{group}/providers/Microsoft.Compute/virtualMachines"
    body = {**HERE, "properties": machine_body(card, password=PASSWORD)}
    assert chain.arm("PUT", f"{path}/first", body).status_code == 201
    assert chain.arm("PUT", f"{path}/second", body).json()["error"]["code"] == "NicInUse"
    gone = {**HERE, "properties": machine_body(f"{card}x", password=PASSWORD)}
    refused = chain.arm("PUT", f"{path}/third", gone).json()
    assert refused["error"]["code"] == "InvalidResourceReference"
    bare = {"osProfile": {"adminUsername": "ops", "windowsConfiguration": {"timeZone": "UTC"}}}
    said = chain.arm("PUT", f"{path}/third", {**HERE, "properties": bare}).json()
    targets = {each["target"].rpartition(".")[2] for each in said["error"]["details"]}
    assert {"windowsConfiguration", "vmSize", "networkInterfaces", "adminPassword"} <= targets


def test_an_account_cannot_be_changed_and_a_second_put_is_harmless(chain):
    group = f"{SUB}/resourceGroups/g"
    path = f"{group}/providers/Microsoft.Compute/virtualMachines/same"
    body = {**HERE, "properties": machine_body(network(chain, group, "same"), password=PASSWORD)}
    assert chain.arm("PUT", path, body).status_code == 201
    assert chain.arm("PUT", path, body).status_code == 200
    assert chain.arm("PUT", path, chain.arm("GET", path).json()).status_code == 200
    assert chain.arm("PATCH", path, {"tags": {"a": "b"}}).status_code == 200
    body["properties"]["osProfile"]["adminPassword"] = f"{PASSWORD}2"
    refused = chain.arm("PUT", path, body)
    assert refused.json()["error"]["code"] == "PropertyChangeNotAllowed"
    assert PASSWORD not in refused.content.decode()
