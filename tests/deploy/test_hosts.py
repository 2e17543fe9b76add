"""Machines that a stack attaches: found through ARM, their host keys checked, accepted, pinned."""

import json
import subprocess
from itertools import count

import pytest

from infra.deploy.hosts.host_keys import known_keys, offered_key
from infra.deploy.hosts.trust import Evidence, fingerprint, verdict
from tests.runtime.hosts import loopback, require_hosts

_NAMES = count()
A = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X"
B = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmm/9lGbYzsqBBMQm7V9TFbKZr4yhZmlxRzrnyCSmqP"


@pytest.fixture
def machine(project, monkeypatch, tmp_path):
    """A machine of the local cloud, and a home folder without known hosts."""
    monkeypatch.setenv("HOME", str(tmp_path))
    name = f"vm{next(_NAMES)}"
    made = project.good("cloud", "vm", "create", name, "--json").data
    yield made
    project.aml("cloud", "vm", "delete", name, "--yes")


def attach(project, machine, *, by: str = "") -> None:
    where = by or f"resource_id: {machine['id']}"
    key = f"file:{machine['private_key']}"
    entry = f"kind: virtual_machine, name: box, {where}, user: azureuser, private_key: '{key}'"
    file = project.stack_file()
    file.write_text(f"{file.read_text()}    - {{{entry}}}\n")


def by_address(machine) -> str:
    return f"address: {machine['address']}, ssh_port: {machine['port']}"


def entry(project) -> dict:
    return json.loads((project.home / "manifests" / "local.json").read_text())["targets"]["box"]


def facts(machine) -> dict:
    return {key: machine[key] for key in ("address", "port", "host_key")}


def test_a_machine_is_found_by_its_id_and_pinned(project, machine):
    attach(project, machine)
    assert facts(entry_of_plan(project)) == facts(machine)
    assert project.good("outputs", "--json").data["manifest"]["targets"]["box"] == entry(project)
    name = machine["name"]
    project.good("cloud", "vm", "stop", name)
    project.good("up", "--no-fingerprint", "--expect-no-changes")
    assert facts(entry(project)) == facts(machine)
    again = recreated(project, machine)
    project.good("up", "--yes")
    assert facts(entry(project)) == facts(again) != facts(machine)


def entry_of_plan(project) -> dict:
    project.good("preview")
    assert not (project.home / "manifests" / "local.json").exists()
    project.good("up", "--yes")
    return entry(project)


def recreated(project, machine) -> dict:
    project.good("cloud", "vm", "delete", machine["name"], "--yes")
    return project.good("cloud", "vm", "create", machine["name"], "--json").data


def test_the_head_node_of_a_cluster_is_found_by_its_id_and_pinned(project, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    made = project.good("cloud", "hdinsight", "create", "hdi", "--json").data
    settings = ", ".join(f"{key}: '{value}'" for key, value in made["settings"].items())
    file = project.stack_file()
    file.write_text(f"{file.read_text()}    - {{kind: hdinsight, name: box, {settings}}}\n")
    project.good("up", "--yes")
    found = entry(project)
    assert (found["address"], found["resource_id"]) == ("127.0.0.1", made["id"])
    assert offered_key("127.0.0.1", found["port"], (), 10) == found["host_key"]
    project.good("cloud", "hdinsight", "delete", "hdi", "--yes")


def test_a_machine_that_is_not_there_is_a_remark(project, machine):
    attach(project, machine, by=f"resource_id: {machine['id']}x")
    said = project.good("up", "--yes")
    assert "box: the machine" in said.err
    assert "does not exist in this cloud" in said.err
    assert entry(project).get("address") is None


def test_an_unknown_host_key_is_refused_until_it_is_accepted(project, machine):
    attach(project, machine, by=by_address(machine))
    for command in ("preview", "up"):
        said = project.aml(command)
        assert said.code == 2
        assert fingerprint(machine["host_key"]) in said.err
        assert "aml target trust box" in said.err
    assert project.aml("target", "trust", "box").code == 2  # nobody to ask
    wrong = project.aml("target", "trust", "box", "--fingerprint", fingerprint(A))
    assert wrong.code == 2
    right = fingerprint(machine["host_key"])
    said = project.good("target", "trust", "box", "--fingerprint", right, "--json")
    assert said.data == {"host_key": machine["host_key"], "fingerprint": right}
    project.good("up", "--yes")
    assert facts(entry(project)) == facts(machine)


def test_a_host_key_of_known_hosts_is_trusted(project, machine, tmp_path):
    attach(project, machine, by=by_address(machine))
    know(tmp_path, machine, machine["host_key"])
    project.good("up", "--yes")
    assert facts(entry(project)) == facts(machine)
    (tmp_path / ".ssh" / "known_hosts").unlink()
    project.good("up", "--no-fingerprint", "--expect-no-changes")  # pinned by now


def words(text: str) -> set[str]:
    return set(text.replace(",", " ").split())


def know(home, machine, key: str) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    line = f"[{machine['address']}]:{machine['port']} {key}\n"
    (home / ".ssh" / "known_hosts").write_text(line)


def test_a_changed_host_key_is_refused_with_both_fingerprints(project, machine, tmp_path):
    attach(project, machine, by=by_address(machine))
    know(tmp_path, machine, A)
    said = project.aml("up", "--yes")
    assert said.code == 2
    assert {fingerprint(A), fingerprint(machine["host_key"])} <= words(said.err)
    project.edit("name: box,", f"name: box, host_key: {B},")
    said = project.aml("up", "--yes")
    assert {fingerprint(B), fingerprint(machine["host_key"])} <= words(said.err)
    project.good("target", "trust", "box", "--yes")
    project.good("up", "--yes")
    assert entry(project)["host_key"] == machine["host_key"]


def test_a_machine_attached_by_a_command_is_accepted_by_its_address(project, machine):
    named = ("--address", machine["address"], "--ssh-port", str(machine["port"]))
    login = ("--username", "azureuser", "--private-key-file", machine["private_key"])
    attaching = ("computetarget", "attach", "remote", "-n", "box", *named, *login)
    project.good("up", "--yes")
    said = project.aml(*attaching)
    assert said.code == 2
    assert f"aml target trust {' '.join(named)}" in said.err
    assert project.aml("target", "trust").code == 2
    project.good("target", "trust", *named, "--yes")
    project.good(*attaching)
    assert facts(entry(project)) == facts(machine)
    assert entry(project)["user"] == "azureuser"


def test_a_machine_that_does_not_answer_is_a_remark(project, machine):
    project.good("cloud", "vm", "stop", machine["name"])
    attach(project, machine, by=by_address(machine))
    said = project.good("up", "--yes")
    assert "could not be read" in said.err
    assert entry(project).get("host_key") is None
    assert project.aml("target", "trust", "box", "--yes").code == 3
    assert "'box'" in project.aml("target", "trust", "bok").err


@pytest.mark.parametrize(
    ("evidence", "judged"),
    [
        (Evidence(), "unknown"),
        (Evidence(pinned=A), "trusted"),
        (Evidence(known=[B, f"{A} a comment"]), "trusted"),
        (Evidence(pinned=B, known=[A]), "trusted"),
        (Evidence(pinned=B), "changed"),
        (Evidence(known=[B]), "changed"),
    ],
)
def test_verdicts(evidence, judged):
    assert verdict(A, evidence) == judged


@pytest.mark.needs_sshd
def test_keys_of_a_real_sshd_and_of_hashed_known_hosts(tmp_path):
    require_hosts()
    with loopback(tmp_path) as host:
        offered = offered_key(host.address, host.port, ["ssh-ed25519"], 10)
        assert offered == host.host_key
        known = tmp_path / "known_hosts"
        known.write_text(f"[{host.address}]:{host.port} {offered}\n")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
        assert host.address not in known.read_text()
        assert known_keys(known, [host.address], host.port) == [offered]
        key = host.folder / "host_key.pub"
        shown = subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True)
        assert fingerprint(offered) in shown.stdout.decode()
