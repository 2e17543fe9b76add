"""Hosts on this machine: network namespaces with an address, accounts and an sshd of their own.

    with network(folder, 2) as (first, second):
        first.account("trainer")

A host shares the file system, but the files below its ``etc`` lie over those of ``/etc``. It
reaches the other hosts and this machine, not the internet; ``loopback`` is one that does.
"""

import ipaddress
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import processes

PATIENCE_S = 20
CONFIG = """\
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/keys/%u
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication yes
PermitRootLogin yes
PermitUserEnvironment yes
MaxStartups 100:30:200
MaxSessions 100
Subsystem sftp internal-sftp
"""


def require_hosts() -> None:
    """Skip the test where hosts cannot be made; with ``CI`` set, fail it."""
    reasons = [f"{name} is not installed" for name in ("sshd", "ip", "unshare") if not tool(name)]
    reasons += [] if os.geteuid() == 0 else ["hosts of their own need root"]
    if reasons and os.environ.get("CI"):
        pytest.fail(reasons[0])
    if reasons:
        pytest.skip(reasons[0])


def tool(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


@dataclass(frozen=True)
class Host:
    """``namespace`` is ``""`` for a host that shares the network of this machine.

    ``homes`` is where its users find the folder of their homes; ``""`` for where it is.
    """

    name: str
    address: str
    port: int
    folder: Path
    namespace: str
    homes: str = ""

    @property
    def host_key(self) -> str:
        """The key by which clients know the host: ``ssh-ed25519 AAAA…``."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(errors="replace")

    def home(self, user: str) -> Path:
        return self.folder / "homes" / user

    def account(self, user: str, *, password: str = "", key: str = "", options: str = "") -> Path:
        """Add a user with the rights of root, and return its home.

        ``key`` is the line of a public key, ``options`` what sshd does when it is used.
        """
        home = self.home(user)
        home.mkdir(parents=True, exist_ok=True)
        made = sealed(password) if password else "*"
        there = f"{self.homes}/{user}" if self.homes else home
        append(self.folder / "etc" / "passwd", f"{user}:x:0:0::{there}:/bin/bash\n")
        append(self.folder / "etc" / "shadow", f"{user}:{made}:19000:0:99999:7:::\n")
        if key:
            append(self.folder / "keys" / user, f"{options} {key}".strip() + "\n")
        return home

    def cut(self) -> None:
        """Pull the cable."""
        self._link("down")

    def join(self) -> None:
        """Put the cable back."""
        self._link("up")

    def argv(self, *command: str) -> list[str]:
        """Return a command line that runs a command at the host, under its name."""
        if not self.namespace:
            return [*command]
        named = ["unshare", "--uts", "sh", "-c", f'hostname {self.name}; exec "$@"', "sh"]
        return ["ip", "netns", "exec", self.namespace, *named, *command]

    def processes(self) -> set[int]:
        """Return the ids of what runs at the host."""
        return set(map(int, sh("ip", "netns", "pids", self.namespace).split()))

    def _link(self, state: str) -> None:
        sh("ip", "-n", self.namespace, "link", "set", "eth0", state)


@contextmanager
def network(folder: Path, count: int = 1, homes: str = "") -> Iterator[list[Host]]:
    """Yield hosts that reach each other; their names are in their ``/etc/hosts``.

    With ``homes``, an empty folder such as ``/mnt``, the homes of all have the same paths.
    """
    with ExitStack() as stack:
        token = secrets.token_hex(2)
        hub = namespace(stack, f"aml-{token}-hub")
        gateway, *addresses = free_addresses(count)
        sh("ip", "-n", hub, "link", "add", "bridge", "type", "bridge")
        sh("ip", "-n", hub, "link", "set", "bridge", "up")
        outer = f"aml{token}"
        plug(hub, outer, None)
        stack.callback(sh, "ip", "link", "del", outer)
        sh("ip", "address", "add", f"{gateway}/24", "dev", outer)
        sh("ip", "link", "set", outer, "up")
        names = [f"{address} host-{n}" for n, address in enumerate(addresses, 1)]
        hosts = []
        for number, address in enumerate(addresses, 1):
            name = namespace(stack, f"aml-{token}-{number}")
            plug(hub, f"aml{token}p{number}", name)
            sh("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            sh("ip", "-n", name, "link", "set", "eth0", "up")
            sh("ip", "-n", name, "link", "set", "lo", "up")
            made = Host(f"host-{number}", str(address), 22, folder / f"host-{number}", name, homes)
            stack.enter_context(serving(made, [f"{gateway} submitter", *names]))
            hosts.append(made)
        yield hosts


@contextmanager
def loopback(folder: Path) -> Iterator[Host]:
    """Yield a host at a port of 127.0.0.1, which reaches what this machine reaches."""
    listening = sh("ss", "-Hltn")
    ports = (secrets.randbelow(12000) + 20000 for _ in range(100))
    port = next(port for port in ports if f":{port} " not in listening)
    made = Host("localhost", "127.0.0.1", port, folder / "localhost", "")
    with serving(made, ["127.0.0.1 localhost"]):
        yield made


@contextmanager
def serving(host: Host, names: list[str]) -> Iterator[None]:
    """Run the host's sshd."""
    etc = host.folder / "etc"
    for folder in (etc, host.folder / "keys", host.folder / "homes", Path("/run/sshd")):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("passwd", "shadow"):
        shutil.copy(f"/etc/{name}", etc / name)
    (etc / "hosts").write_text("\n".join(["127.0.0.1 localhost", *names, ""]))
    if host.namespace:
        (etc / "resolv.conf").write_text("")
        (etc / "hostname").write_text(f"{host.name}\n")
    make_key(host.folder / "host_key")
    config = host.folder / "sshd_config"
    lines = [f"Port {host.port}", f"ListenAddress {host.address}"]
    ours = [name for name in ("SSL_CERT_FILE", "UV_INDEX_URL") if os.environ.get(name)]
    lines += [f"SetEnv {' '.join(f'{n}={os.environ[n]}' for n in ours)}"] if ours else []
    config.write_text(CONFIG.format(folder=host.folder) + "\n".join([*lines, ""]))
    over = [(file, f"/etc/{file.name}") for file in etc.iterdir()]
    over += [(host.folder / "homes", host.homes)] if host.homes else []
    overlays = " && ".join(f"mount --bind {file} {there}" for file, there in over)
    command = f"{overlays} && hostname {host.name}; exec {tool('sshd')} -D -e -f {config}"
    log = (host.folder / "sshd.log").open("wb")
    private = ["unshare", "--mount", "--uts", "sh", "-c", command]
    process = processes.start(host.argv(*private), stdout=log, stderr=log)
    try:
        until(lambda: "Server listening" in host.log or process.poll() is not None)
        assert process.poll() is None, host.log
        yield
    finally:
        process.terminate()
        process.wait()
        log.close()


def namespace(stack: ExitStack, name: str) -> str:
    """Make a network namespace; what runs in it is killed at the end."""

    def remove() -> None:
        kill(map(int, sh("ip", "netns", "pids", name).split()))
        sh("ip", "netns", "del", name)

    sh("ip", "netns", "add", name)
    stack.callback(remove)
    return name


@contextmanager
def cleared(hosts: Sequence[Host]) -> Iterator[None]:
    """Kill what was started at the hosts meanwhile and still runs, in whatever session it is."""
    before = {pid for host in hosts for pid in host.processes()}
    try:
        yield
    finally:
        until(lambda: not kill({pid for host in hosts for pid in host.processes()} - before))


def kill(pids: Iterable[int]) -> bool:
    """Kill processes and return whether there were any."""
    found = [*pids]
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


def plug(hub: str, outer: str, into: str | None) -> None:
    """Connect ``eth0`` of a namespace, or ``outer`` of this machine, with the bridge."""
    end = ["name", "eth0", "netns", into] if into else ["name", outer]
    sh("ip", "link", "add", f"{outer}b", "netns", hub, "type", "veth", "peer", *end)
    sh("ip", "-n", hub, "link", "set", f"{outer}b", "master", "bridge", "up")


def free_addresses(count: int) -> list[ipaddress.IPv4Address]:
    """Return the first addresses of a network that this machine does not know yet."""
    known = sh("ip", "-4", "route", "show", "table", "all")
    while True:
        start = f"10.{200 + secrets.randbelow(55)}.{secrets.randbelow(256)}"
        if f"{start}." not in known:
            return [ipaddress.IPv4Address(f"{start}.{n}") for n in range(1, count + 2)]


def make_key(file: Path, passphrase: str = "") -> str:
    """Make a pair of keys and return the line of the public one."""
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(file))
    return file.with_suffix(".pub").read_text().strip()


def sealed(password: str) -> str:
    """Return a password as ``/etc/shadow`` has it."""
    return sh("openssl", "passwd", "-6", password).strip()


def sh(*argv: str) -> str:
    found = [tool(argv[0]) or argv[0], *argv[1:]]
    done = subprocess.run(found, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


def append(file: Path, text: str) -> None:
    with file.open("a") as sink:
        sink.write(text)


def until(holds, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
