"""Virtual machines: an ssh server each, on one event loop in a thread of the daemon.

A machine has a folder with its home, a port and a host key for life. What runs in it is killed
when it is stopped, and with the daemon; a daemon that starts serves again what ran before.
"""

import asyncio
import logging
import os
import random
import shutil
import socket
import threading
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from infra.contract.discovery import PROCESS_OWNER
from infra.contract.load import load
from infra.contract.private import private_folder
from infra.contract.variables import DAEMON, selected
from localcloud.calls.cloud import Cloud
from localcloud.calls.machines import LEADS_TO, Action, MachineView
from localcloud.machines.account import Account, Serve, Server
from localcloud.machines.keys import new_key_pair
from localcloud.machines.processes import MARK, kill_all
from localcloud.machines.records import MachineRecord, MachineRecords
from localcloud.store.resources import StoredResource, key_of

T = TypeVar("T")
_LOG: Final = logging.getLogger("localcloud.machines")
# Below the ports that systems give to outgoing connections: a stopped machine's stays free.
_PORTS: Final = range(20_000, 32_000)
_TRIES: Final = 200
_TIMEOUT_S: Final = 30.0
_PROGRAMS: Final = ".local/bin"  # below the home folder; on PATH, as on Ubuntu
_NONE: Final[Mapping[str, str]] = {}
_SEALED_AT: Final = "properties.osProfile.adminPassword"
# What a login has of the daemon's environment: where programs are, proxies and certificates.
_OWN: Final = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "TERM", "PWD", "PYTHONPATH",
                         "PYTHONHOME", "XDG_CACHE_HOME", PROCESS_OWNER})  # fmt: skip


class LocalMachines:
    """Implements ``localcloud.calls.machines.Machines``."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._records = MachineRecords(cloud.store)
        self._folder = cloud.folder / "machines"
        self._servers: dict[str, Server] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.RLock()

    def create(self, machine: StoredResource, *, programs: Mapping[str, str] = _NONE) -> None:
        with self._lock:
            if self._records.get(machine.id) is not None:
                return
            record = self._new_record(machine)
            ssh = private_folder(self._home(record) / ".ssh")
            keys = ssh / "authorized_keys"
            keys.touch(mode=0o600)
            keys.write_text("".join(f"{key}\n" for key in public_keys(machine)), encoding="utf-8")
            for name, text in programs.items():
                _install(self._home(record) / _PROGRAMS / name, text)
            self._records.put(record)
            self._serve(record)

    def delete(self, machine: str) -> None:
        with self._lock:
            record = self._records.get(machine)
            if record is not None:
                self._halt(record)
                self._records.remove(machine)
                shutil.rmtree(self._folder / record.folder, ignore_errors=True)

    def power(self, machine: str, action: Action) -> None:
        with self._lock:
            record = self._records.get(machine)
            if record is None:
                return
            if action != "start":
                self._halt(record)
            record = replace(record, power=LEADS_TO[action])
            self._records.put(record)
            if record.power == "running":
                self._serve(record)

    def view(self, machine: str) -> MachineView | None:
        record = self._records.get(machine)
        if record is None:
            return None
        failed = record.power == "running" and key_of(machine) not in self._servers
        power = "stopped" if failed else record.power
        return MachineView(power, record.port, record.host_key)

    def start(self) -> None:
        with self._lock:
            for record in self._records.all():
                kill_all(record.folder)  # left by a daemon that was killed
                if record.power == "running":
                    self._serve(record)

    def stop(self, *, forget: bool = False) -> None:
        with self._lock:
            for record in self._records.all():
                self._halt(record)
            if forget:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    def _new_record(self, machine: StoredResource) -> MachineRecord:
        private, public = new_key_pair()
        return MachineRecord(
            machine=machine.id,
            folder=f"{machine.name.lower()}-{uuid.uuid4().hex[:8]}",
            user=str(machine.properties["osProfile"]["adminUsername"]),
            port=_free_port({each.port for each in self._records.all()}),
            power="running",
            host_key=public,
            private_key=private,
            password=str(machine.secrets.get(_SEALED_AT) or ""),
        )

    def _home(self, record: MachineRecord) -> Path:
        return self._folder / record.folder / record.user

    def _serve(self, record: MachineRecord) -> None:
        """Start the server; a machine whose port is taken is logged and counts as stopped."""
        key = key_of(record.machine)
        if key in self._servers:
            return
        # Loaded by the first machine: most clouds have none, and asyncssh is slow to import.
        serve: Serve = load("localcloud.machines.server:serve", extra="localcloud")
        home = private_folder(self._home(record))
        account = Account(record.user, home, _variables(record, home), record.password)
        try:
            self._servers[key] = self._run(serve(account, record.port, record.private_key))
        except OSError as error:
            _LOG.error("machine %s cannot listen on port %s: %s", key, record.port, error)
        else:
            _LOG.info("machine %s listens on port %s", key, record.port)

    def _halt(self, record: MachineRecord) -> None:
        server = self._servers.pop(key_of(record.machine), None)
        if server is not None:
            self._run(server.close())
        kill_all(record.folder, known=server.running if server else ())

    def _run(self, work: Coroutine[object, object, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_forever, args=(self._loop,), name="machines")
            thread.daemon = True
            thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_S)


def public_keys(machine: StoredResource) -> list[str]:
    """Return the public keys that a machine was created with."""
    linux = machine.properties["osProfile"].get("linuxConfiguration") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    return [str(key.get("keyData") or "").strip() for key in keys]


def _variables(record: MachineRecord, home: Path) -> Mapping[str, str]:
    inherited = selected(os.environ, DAEMON)
    return {
        **{name: value for name, value in inherited.items() if name not in _OWN},
        "PATH": f"{home / _PROGRAMS}{os.pathsep}{inherited.get('PATH', os.defpath)}",
        "HOME": str(home),
        "USER": record.user,
        "LOGNAME": record.user,
        "SHELL": shutil.which("bash") or "/bin/sh",
        MARK: record.folder,
    }


def _install(file: Path, text: str) -> None:
    """Write a program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o700)


def _free_port(taken: set[int]) -> int:
    for port in random.SystemRandom().sample(_PORTS, _TRIES):
        if port not in taken and _is_free(port):
            return port
    raise OSError("no free port for a machine")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _forever(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()
