"""Each way in which a machine cannot be reached, or cannot run anything, is an error of its own."""

import os
from pathlib import Path
from threading import Event

import pytest

from infra.contract.errors import CredentialError, UnreachableError
from runtime.targets.places import Shipment
from runtime.targets.run_folder import task_of
from runtime.targets.ssh_connection import connect
from runtime.targets.ssh_machine import Machine, MachineError
from runtime.targets.ssh_place import SshPlace
from runtime.targets.ssh_session import Session
from runtime.targets.ssh_trees import Listed, made
from runtime.testing.targets import a_run
from tests.runtime.hosts import append, loopback, make_key, require_hosts, sh

pytestmark = [pytest.mark.needs_sshd, pytest.mark.enable_socket]
PASSWORD = "correct horse"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPV9nG6dBYoSMBSxM2L0/YVyhqq0bXWzAGZL3GvkJvPc"
SAYS_CMD = """'exec' is not recognized as an internal or external command,"""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A machine with an account for each trouble."""
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    full = folder / "localhost" / "homes" / "full"
    full.mkdir(parents=True)
    sh("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(full))
    with loopback(folder) as made_host:
        key = make_key(folder / "key")
        locked = make_key(folder / "locked", "open sesame")
        made_host.account("trainer", password=PASSWORD, key=f"{key}\n{locked}")
        bare = folder / "bin"
        bare.mkdir()
        for name in ("sh", "mkdir", "cat", "bash"):
            (bare / name).symlink_to(f"/bin/{name}")
        made_host.account("bare", key=key, options=f'environment="PATH={bare}"')
        (folder / "cmd").write_text(f'#!/bin/sh\necho "{SAYS_CMD}" >&2\nexit 1\n')
        (folder / "cmd").chmod(0o755)
        made_host.account("windows", key=key, options=f'command="{folder / "cmd"}"')
        made_host.account(
            "closed", key=key, options='command="echo This account is closed.; exit 9"'
        )
        made_host.account("full", key=key)
        append(made_host.home("trainer") / ".bashrc", "echo Welcome\n")
        yield made_host
    sh("umount", "-l", str(full))


@pytest.fixture
def reach(host, tmp_path):
    """Return a function that opens a session; the settings of the machine can be changed."""
    made_sessions = []

    def opened(user="trainer", **changes):
        credentials = changes.pop("credentials", {"private_key": f"file:{host.folder.parent}/key"})
        settings = {"host_key": host.host_key, "address": host.address, "port": host.port} | changes
        machine = Machine("vm", user=user, credentials=credentials, **settings)
        environ = {
            "HOME": str(tmp_path),
            "WORD": PASSWORD,
            "WRONG": "guess",
            "PHRASE": "open sesame",
        }
        connection = connect(machine, host.folder.parent, environ)
        made_sessions.append(connection)
        return Session(connection)

    yield opened
    for connection in made_sessions:
        connection.close()


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param({"password": "env:WORD"}, id="password"),
        pytest.param({"private_key": "file:key"}, id="key"),
        pytest.param(
            {"private_key": "file:locked", "passphrase": "env:PHRASE"}, id="key with passphrase"
        ),
    ],
)
def test_credentials_are_read_where_they_are(reach, credentials):
    assert reach(credentials=credentials).facts["home"].endswith("/homes/trainer")


def test_without_credentials_the_agent_and_the_usual_keys_are_tried(reach, host, tmp_path):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text((host.folder.parent / "key").read_text())
    assert reach(credentials={}).facts["platform"].startswith("Linux")


def test_a_key_of_known_hosts_is_enough(reach, host, tmp_path):
    (tmp_path / ".ssh").mkdir()
    known, hashed = tmp_path / ".ssh" / "known_hosts", tmp_path / ".ssh" / "known_hosts.old"
    name = f"[127.0.0.1]:{host.port}"
    known.write_text(f"@revoked {name} {OTHER_KEY}\n{name} {OTHER_KEY}\n{name} {host.host_key}\n")
    assert reach(host_key=None).facts["python"]
    sh("ssh-keygen", "-q", "-H", "-f", str(known))
    assert hashed.exists()
    assert reach(host_key=None).facts["python"]


TROUBLES = [
    (
        "wrong password",
        {"credentials": {"password": "env:WRONG"}},
        CredentialError,
        "rejects the login with the password of env:WRONG",
    ),
    (
        "no variable",
        {"credentials": {"password": "env:NONE"}},
        CredentialError,
        "`env:NONE` is to be read, and the variable is not set.",
    ),
    (
        "no passphrase",
        {"credentials": {"private_key": "file:locked"}},
        CredentialError,
        "it needs a passphrase",
    ),
    (
        "wrong passphrase",
        {"credentials": {"private_key": "file:locked", "passphrase": "env:WRONG"}},
        CredentialError,
        "its passphrase is wrong",
    ),
    ("no credential", {"credentials": {}}, CredentialError, "no credential, since none was found"),
    ("unknown host", {"host_key": None}, CredentialError, "is unknown: it has ssh-ed25519 SHA256:"),
    (
        "changed host",
        {"host_key": OTHER_KEY},
        CredentialError,
        "and the manifest has ssh-ed25519 SHA256:",
    ),
    ("nobody listens", {"port": 1}, UnreachableError, "Connection refused"),
    (
        "no such host",
        {"address": "no-such-host.invalid"},
        UnreachableError,
        "there is no host of this name",
    ),
    ("no Python", {"user": "bare"}, MachineError, "has no Python on the PATH of bare"),
    ("Windows", {"user": "windows"}, MachineError, "runs Windows"),
    ("no shell", {"user": "closed"}, MachineError, "This account is closed."),
]


@pytest.mark.parametrize(
    ("changes", "kind", "said"), [row[1:] for row in TROUBLES], ids=[row[0] for row in TROUBLES]
)
def test_each_trouble_is_an_error_of_its_own(reach, changes, kind, said):
    with pytest.raises(kind) as caught:
        reach(**changes)
    assert said in caught.value.detail
    assert caught.value.remedy
    assert PASSWORD not in str(caught.value)


def test_the_command_that_accepts_a_changed_key_is_told(reach):
    with pytest.raises(CredentialError) as caught:
        reach(host_key=OTHER_KEY)
    assert "`aml target trust vm`" in caught.value.remedy
    assert "`aml up`" in caught.value.remedy


def test_a_disk_without_room_is_told_before_anything_is_sent(reach, host):
    session = reach("full")
    large = made("large", os.urandom(8 << 20))
    with pytest.raises(MachineError, match=r"is full: \d MiB are free"):
        session.send(Listed.of([large], []), "Default_1_00000000")
    assert not (host.home("full") / ".aml-agent" / "objects").exists()


def test_what_is_there_is_not_sent_again_and_costs_one_round_trip(reach, host):
    session = reach()
    files = [made(f"work/f{n}.txt", str(n).encode()) for n in range(1000)]
    tree = Listed.of(files, ["work/outputs"])
    assert session.send(tree, "first") == 1000
    rounds = session.rounds
    assert session.send(tree, "second") == 0
    assert session.rounds == rounds + 1
    runs = host.home("trainer") / ".aml-agent" / "runs"
    assert (runs / "second" / "work" / "f999.txt").read_text() == "999"
    assert (runs / "second" / "work" / "outputs").is_dir()
    changed = Listed.of([*files, made("work/new", b"new")], [])
    assert session.send(changed, "third") == 1
    for name in ("first", "second", "third"):
        session.answer("release", run=name, owner=name, limit=0)
    session.answer("started", run="first")  # the store was pruned when this is answered
    assert [*Path(runs).iterdir()] == []
    assert [*(runs.parent / "objects").glob("*/*")] == []


class Silent:
    """A teller that nobody listens to."""

    def step(self, step, text):
        pass

    def state(self, state, reason=""):
        pass

    def record(self, kind, data):
        pass

    def build(self, line):
        pass


def rounds_of(machine, home, run):
    """Start a run at a machine; return how many round trips that took once it was reached."""
    place = SshPlace(run.run_id, machine.settings(), home)
    shipment = Shipment(task_of(run, home, "python"), run.snapshot, Event(), {}, {}, {})
    try:
        place.start(shipment, Silent())
        taken = place.rounds
        assert [*place.follow(lambda _: 0)][-1].exit_code == 0
    finally:
        place.release()
        place.close()
    return taken


def test_a_start_takes_four_round_trips_and_two_when_nothing_has_changed(host, tmp_path):
    key = {"private_key": f"file:{host.folder.parent}/key"}
    machine = Machine("vm", host.address, host.port, "trainer", host.host_key, key)
    files = {f"file{number}.py": f"print({number})" for number in range(100)}
    runs = [a_run(tmp_path, "print('here')", files=files) for _ in range(2)]
    assert [rounds_of(machine, tmp_path / "home", run) for run in runs] == [4, 2]


def test_a_release_over_another_connection_leaves_the_next_answer_alone(reach):
    reach().send(Listed.of([made("work/a.txt", b"a")], []), "left")
    other = reach()
    assert other.answer("release", run="left", owner="left", limit=1 << 30) == {}
    assert other.answer("started", run="left") == {"started": False, "running": False}
