"""HDInsight clusters: a head node that answers over ssh, and the batches of its Livy."""

import shlex
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import RLock
from typing import Final
from urllib.parse import unquote, urlsplit

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.cloud import Cloud
from localcloud.calls.machines import MachineView
from localcloud.nodes.processes import RECORD, JobProcess, kill_recorded, start
from localcloud.services.hdinsight import spark_submit, yarn_command
from localcloud.services.hdinsight.applications import applications
from localcloud.services.hdinsight.spark_submit import (
    APPLICATIONS,
    ENVIRONMENTS,
    INSTALLING_HOME,
    launcher,
)
from localcloud.store.resources import StoredResource, key_of
from runtime.environments.base_variables import build_variables

CONFIGURATIONS: Final = "properties.clusterDefinition.configurations"
_LOOK_EVERY_S: Final = 0.2
_GRACE_S: Final = 3.0
_JOIN_S: Final = 10.0
_BLOBS: Final = ("wasb", "wasbs", "abfs", "abfss")
_DEFAULT_PORT: Final = 22


class BatchFileError(Exception):
    """A batch's file cannot be read by the cluster; the message says why."""


class HdinsightEngine:
    """The clusters of the cloud. Every public method may be called from any thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "hdinsight"
        cloud.reset_folders.append(self._folder)
        self._lock = RLock()
        self._running: dict[tuple[str, int], _Batch] = {}
        self._recover()

    @property
    def changing(self) -> AbstractContextManager[object]:
        """The lock for reading documents and writing them back."""
        return self._lock

    def create(self, cluster: StoredResource) -> None:
        """Give a new cluster its head node."""
        user, password, keys = login_of(cluster)
        applications_of = self._folder / cluster.name.lower() / "applications"
        settings = {
            ENVIRONMENTS: str(self._cloud.environments),
            APPLICATIONS: str(applications_of),
            INSTALLING_HOME: str(Path.home()),
        }
        modules = {"spark-submit": spark_submit, "yarn": yarn_command}
        programs = {name: launcher(module.__name__, settings) for name, module in modules.items()}
        profile = {
            "adminUsername": user,
            "linuxConfiguration": {"ssh": {"publicKeys": [{"keyData": key} for key in keys]}},
        }
        node = StoredResource(
            id=head_node(cluster.id),
            type=cluster.type,
            parent=cluster.id,
            document={"properties": {"osProfile": profile}},
            created=cluster.created,
            modified=cluster.modified,
            secrets={"properties.osProfile.adminPassword": password},
        )
        self._cloud.machines.create(node, programs=programs)

    def head_node(self, cluster: StoredResource) -> MachineView:
        """Return the state of a cluster's head node."""
        found = self._cloud.machines.view(head_node(cluster.id))
        return found or MachineView("stopped", _DEFAULT_PORT, "")

    def delete(self, cluster: StoredResource) -> None:
        """Delete a cluster's head node, batches and files."""
        name = cluster.name.lower()
        with self._lock:
            mine = [self._running.pop(key) for key in list(self._running) if key[0] == name]
        for running in mine:
            running.stop()
        self._cloud.machines.delete(head_node(cluster.id))
        self._cloud.store.documents.forget(space_of(name))
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def submit(self, cluster: StoredResource, body: Document) -> JsonObject:
        """Start a batch; return its document. Raises ``BatchFileError``."""
        name, documents = cluster.name.lower(), self._cloud.store.documents
        with self._lock:
            number = 1 + max((b["id"] for b in documents.all(space_of(name), "batch")), default=-1)
            folder = self.batch_folder(name, number)
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "work").mkdir(parents=True)
            words = self._words(cluster, body, folder / "work")
            batch: JsonObject = {
                "id": number,
                "name": body.get("name"),
                "owner": None,
                "proxyUser": body.get("proxyUser"),
                "state": "starting",
                "appId": None,
                "appInfo": {"driverLogUrl": None, "sparkUiUrl": None},
            }
            documents.put(space_of(name), "batch", str(number), batch)
            for key in [key for key, each in self._running.items() if each.has_ended]:
                del self._running[key]
            running = _Batch(self._cloud, folder, batch, words, self._lock)
            self._running[name, number] = running
            running.begin()
        return batch

    def kill(self, name: str, number: int) -> None:
        """End a batch and forget it."""
        with self._lock:
            running = self._running.pop((name, number), None)
        if running is not None:
            running.stop()
        self._cloud.store.documents.remove(space_of(name), "batch", str(number))

    def batch_folder(self, name: str, number: int) -> Path:
        """Return where a batch keeps its log, files and application."""
        return self._folder / name / "batches" / str(number)

    def stop(self) -> None:
        with self._lock:
            everything = list(self._running.values())
            self._running.clear()
        for running in everything:
            running.stop()

    def reset(self) -> None:
        self.stop()

    def _words(self, cluster: StoredResource, body: Document, folder: Path) -> list[str]:
        """Return the arguments of ``spark-submit`` for a batch, its files in ``folder``."""

        def here(name: object) -> str:
            return self._fetched(cluster, str(name), folder)

        words = [
            word
            for option, key in _OPTIONS.items()
            if body.get(key) is not None
            for word in (option, str(body[key]))
        ]
        for option, key in _LISTS.items():
            if body.get(key):
                words += [option, ",".join(here(name) for name in body[key])]
        for name, value in (body.get("conf") or {}).items():
            words += ["--conf", f"{name}={value}"]
        return [*words, here(body["file"]), *map(str, body.get("args") or ())]

    def _fetched(self, cluster: StoredResource, name: str, folder: Path) -> str:
        """Return a local file with what a name refers to: in storage, or on the head node."""
        url = urlsplit(name)
        if url.scheme not in _BLOBS:
            file = Path(name.removeprefix("local:").removeprefix("file://"))
            if not file.is_file():
                raise BatchFileError(f"There is no file {name} on the head node.")
            return str(file)
        account, container = default_storage(cluster)
        if url.username and url.hostname:
            account, container = url.hostname.partition(".")[0], url.username
        path = unquote(url.path).lstrip("/")
        blob = self._cloud.store.blobs.get(account.lower(), container, path)
        if blob is None:
            raise BatchFileError(f"There is no blob {path} in {container} of {account}.")
        kept = folder / Path(path).name
        shutil.copyfile(blob.file, kept)
        return str(kept)

    def _recover(self) -> None:
        """Kill the batches that an earlier daemon left running."""
        for record in self._folder.glob(f"*/batches/*/{RECORD}"):
            kill_recorded(record)
            record.unlink(missing_ok=True)
        documents = self._cloud.store.documents
        for space in documents.spaces("batch"):
            for batch in documents.all(space, "batch"):
                if batch["state"] in ("starting", "running"):
                    documents.put(space, "batch", str(batch["id"]), {**batch, "state": "dead"})


class _Batch:
    """A running batch: a process, and a thread that notes how it ends."""

    def __init__(
        self,
        cloud: Cloud,
        folder: Path,
        batch: JsonObject,
        words: Sequence[str],
        lock: AbstractContextManager[object],
    ) -> None:
        self._cloud = cloud
        self._folder = folder
        self._batch = batch
        self._lock = lock
        self._stop = threading.Event()
        self._process = self._start(words)
        self._thread = threading.Thread(target=self._watch, name="livy batch", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Kill the batch, and return when it has ended."""
        self._stop.set()
        self._thread.join(_JOIN_S)

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _start(self, words: Sequence[str]) -> JobProcess:
        settings: Mapping[str, str] = {
            ENVIRONMENTS: str(self._cloud.environments),
            APPLICATIONS: str(self._folder / "applications"),
        }
        program = self._folder / "submit"
        program.write_text(launcher(spark_submit.__name__, settings), encoding="utf-8")
        return start(
            f"exec {shlex.join(['sh', str(program), *words])}",
            folder=self._folder / "work",
            variables=build_variables(),
            log=self._folder / "log",
        )

    def _watch(self) -> None:
        while not self._process.wait(_LOOK_EVERY_S):
            found = next(applications(self._folder / "applications"), None)
            if found is not None and self._batch["appId"] is None:
                self._change(appId=found.id, state="running")
            if self._stop.is_set():
                self._process.end(_GRACE_S)
        code = self._process.exit_code
        self._process.close()
        state = "success" if code == 0 else "dead"
        self._change(state="killed" if self._stop.is_set() else state)

    def _change(self, **facts: object) -> None:
        documents, space = self._cloud.store.documents, space_of(self._folder.parent.parent.name)
        with self._lock:
            self._batch.update(facts)
            if documents.get(space, "batch", str(self._batch["id"])) is not None:
                documents.put(space, "batch", str(self._batch["id"]), self._batch)


_OPTIONS: Final = {
    "--class": "className", "--driver-memory": "driverMemory", "--driver-cores": "driverCores",
    "--executor-memory": "executorMemory", "--executor-cores": "executorCores",
    "--num-executors": "numExecutors", "--queue": "queue", "--name": "name",
}  # fmt: skip
_LISTS: Final = {
    "--jars": "jars", "--py-files": "pyFiles", "--files": "files", "--archives": "archives",
}  # fmt: skip


def space_of(name: str) -> str:
    """Return the space of a cluster's documents."""
    return f"hdinsight:{name}"


def head_node(cluster: str) -> str:
    """Return the id of a cluster's head node among the machines."""
    return f"{key_of(cluster)}/hosts/hn0"


def login_of(cluster: StoredResource) -> tuple[str, str, list[str]]:
    """Return user, password and public keys of the head node's ssh login."""
    roles = (cluster.properties.get("computeProfile") or {}).get("roles") or []
    for number, role in enumerate(roles):
        if str(role.get("name", "")).lower() == "headnode":
            profile = (role.get("osProfile") or {}).get("linuxOperatingSystemProfile") or {}
            at = f"properties.computeProfile.roles.{number}.osProfile.linuxOperatingSystemProfile"
            keys = (profile.get("sshProfile") or {}).get("publicKeys") or []
            return (
                str(profile.get("username") or ""),
                str(cluster.secrets.get(f"{at}.password") or ""),
                [str(key.get("certificateData") or "").strip() for key in keys],
            )
    return "", "", []


def gateway_of(cluster: StoredResource) -> tuple[str, str]:
    """Return user and password of the cluster's gateway."""
    gateway = (cluster.secrets.get(CONFIGURATIONS) or {}).get("gateway") or {}
    user = gateway.get("restAuthCredential.username") or "admin"
    return str(user), str(gateway.get("restAuthCredential.password") or "")


def default_storage(cluster: StoredResource) -> tuple[str, str]:
    """Return account and container of the cluster's default storage, empty without one."""
    accounts = (cluster.properties.get("storageProfile") or {}).get("storageaccounts") or []
    for account in accounts:
        if account.get("isDefault"):
            name = str(account.get("name") or "").partition(".")[0]
            return name, str(account.get("container") or account.get("fileSystem") or "")
    return "", ""
