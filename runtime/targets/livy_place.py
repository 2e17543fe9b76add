"""The Livy of an HDInsight cluster as the place of a run: a batch whose driver is our agent.

The agent runs in the driver's container and starts the script, which uses the driver's Spark. What
both exchange lies in the cluster's default storage (``agent.exchange_blobs``).
"""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from infra.contract.errors import CredentialError, PlatformError, ProviderError, UnreachableError
from infra.contract.json_types import Document, JsonObject
from infra.contract.private import private_file, private_folder
from runtime.agent import exchange
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.exchange_blobs import STORAGE
from runtime.agent.spark_asked import APPLICATION_PROPERTY
from runtime.model.states import RunState
from runtime.snapshots.store import object_file
from runtime.targets.base import Report
from runtime.targets.exchanged import Frames, asked_of_agent, fetch_results, payload_of
from runtime.targets.livy_cluster import LivyCluster, RunBlobs, read_text
from runtime.targets.places import (
    WORK,
    Have,
    Heartbeat,
    PlaceEnd,
    Shipment,
    Sign,
    StoppedError,
    Teller,
)
from runtime.targets.run_folder import RunFolder

_RECORD: Final = "livy.json"
_LAUNCHER: Final = "aml_driver.py"
_MODULES: Final = "aml_modules.zip"
_TEXT: Final = f"""\
import sys

if sys.version_info < (3, 8):
    sys.exit("Runs need Python 3.8 or later; the cluster's is %d.%d. Name another of its Pythons"
             " as `interpreterPath`." % sys.version_info[:2])
sys.path.insert(0, "{ARCHIVE_NAME}")
from runtime.agent.exchange_blobs import main

code = main()
if code:
    sys.exit(code)
"""
_PART_BYTES: Final = 32 << 20
_PAUSE_S: Final = 0.4
_GRACE_S: Final = 60.0
_ENDED: Final = frozenset({"success", "dead", "killed", "error"})
_WAITING: Final = frozenset({"not_started", "starting"})
_LAST_LINES: Final = 15


class LivyPlace:
    """One run in a cluster. ``settings`` are those that ``HdinsightTarget`` writes."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._run_id = run_id
        self._settings = settings
        self._home = home
        self._folder = RunFolder(home / "runs" / run_id).path
        self._known: LivyCluster | None = None
        self._canceled: float | None = None

    def start(self, shipment: Shipment, tell: Teller) -> None:
        """Send the run, submit its batch, and wait until its driver runs."""
        if self.started():
            return
        shipment.check()
        try:
            self._blobs.create()
            batch = self._sent(shipment, tell)
            shipment.check()
            number = self._cluster.submit(batch)
            record = private_file(self._folder / _RECORD)
            record.write_text(json.dumps({"batch": number}), encoding="utf-8")
            tell.record("message", {"text": f"Livy runs it as batch {number}"})
            with self._watched():
                self._begun(shipment, tell)
        except (StoppedError, PlatformError) as error:
            if not isinstance(error, UnreachableError):
                with suppress(PlatformError):
                    self.release()
            raise

    def started(self) -> bool:
        """Return whether the run was submitted, and is not released."""
        return (self._folder / _RECORD).exists()

    def follow(self, have: Have) -> Iterator[Sign]:
        """Yield what the run writes until it has ended."""
        with self._watched():
            frames = Frames(self._blobs, have)
            while True:
                # Before reading: what a run wrote before its end is read below.
                batch = self._batch()
                for sign in frames.signs():
                    yield sign
                    if isinstance(sign, PlaceEnd):
                        return
                if batch is None or batch["state"] in _ENDED:
                    yield PlaceEnd(None, self._lost(batch))
                    return
                if self._canceled is not None and time.monotonic() - self._canceled > _GRACE_S:
                    self._cluster.end(self._number)
                yield Heartbeat()
                time.sleep(_PAUSE_S)

    def cancel(self) -> None:
        """Ask the agent to stop; a batch that has not begun is killed."""
        with self._watched():
            batch = self._batch()
            if batch is None or batch["state"] in _ENDED:
                return
            if self._canceled is None:
                self._canceled = time.monotonic()
            if batch["state"] in _WAITING:
                self._cluster.end(self._number)
            else:
                self._blobs.put(exchange.CANCEL, b"1")

    def fetch(self, into: Path, report: Report) -> None:
        """Copy the outputs that the run has left in storage, and the driver's log of Livy."""
        with self._watched():
            fetch_results(self._blobs, into, report)
            if self._batch() is not None:
                log = private_folder(into / WORK / "logs" / "spark") / f"batch-{self._number}.out"
                private_file(log).write_text(self._cluster.log(self._number), encoding="utf-8")

    def release(self) -> None:
        """Kill what is left of the run and remove its blobs."""
        with self._watched():
            if self.started():
                self._cluster.end(self._number)
            self._blobs.remove()
        (self._folder / _RECORD).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connections."""
        if self._known is not None:
            self._known.close()
        self._known = None

    @property
    def _cluster(self) -> LivyCluster:
        if self._known is None:
            given = self._settings
            self._known = LivyCluster(
                str(given["target"]), str(given["cloud"]), str(given["resource"]), self._home
            )
        return self._known

    @property
    def _blobs(self) -> RunBlobs:
        return self._cluster.folder(self._run_id)

    @property
    def _number(self) -> int:
        return int(json.loads((self._folder / _RECORD).read_text(encoding="utf-8"))["batch"])

    def _batch(self) -> Document | None:
        return self._cluster.batch(self._number) if self.started() else None

    def _sent(self, shipment: Shipment, tell: Teller) -> JsonObject:
        """Send the run's files; return the batch."""
        cluster, blobs = self._cluster, self._blobs
        files = [ARCHIVE_NAME, exchange.ASKED, STORAGE]
        for number, content in enumerate(payload_of(shipment, _PART_BYTES)):
            files.append(f"{exchange.PAYLOAD}-{number:08d}")
            blobs.put(files[-1], content)
        storage = {"url": cluster.signed(), "folder": blobs.folder, "ca": read_text(cluster.ca)}
        blobs.put(ARCHIVE_NAME, shipment.agent)
        blobs.put(exchange.ASKED, json.dumps(asked_of_agent(shipment, "livy")).encode())
        blobs.put(STORAGE, json.dumps(storage).encode())
        blobs.put(_LAUNCHER, _TEXT.encode())
        blobs.put(_MODULES, _modules(shipment))
        tell.step("environment", "the cluster's Python is used as it is")
        count = len(shipment.snapshot.files)
        tell.step("download", f"{count} file{'s' * (count != 1)} of the snapshot sent")
        asked: JsonObject = dict(self._settings.get("batch") or {})
        return {
            **asked,
            "file": cluster.spark_url(f"{blobs.folder}/{_LAUNCHER}"),
            "files": [cluster.spark_url(f"{blobs.folder}/{name}") for name in files],
            "pyFiles": [cluster.spark_url(f"{blobs.folder}/{_MODULES}")],
            # Livy takes each name once.
            "name": self._run_id,
        }

    def _begun(self, shipment: Shipment, tell: Teller) -> None:
        """Wait until the batch has its driver, or has ended without it."""
        tell.state(RunState.QUEUED, "YARN prepares the driver")
        while True:
            batch = self._batch() or {"state": "killed"}
            if batch["state"] not in _WAITING:
                break
            shipment.stop.wait(_PAUSE_S)
            shipment.check()
        if batch.get("appId"):
            tell.record("property", {"key": APPLICATION_PROPERTY, "value": str(batch["appId"])})

    def _lost(self, batch: Document | None) -> str:
        if batch is None:
            return "The run's batch is no longer in Livy."
        last = "".join(f"\n{line}" for line in (batch.get("log") or ())[-_LAST_LINES:])
        return (
            f"The Spark driver was lost: batch {self._number} ended {batch['state']} without the"
            f" script's exit code. Its last lines:{last}"
        )

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Whatever keeps us from the cluster, a run that may go on there is out of reach.

        Its logins and keys are asked for again then: they may be others now.
        """
        try:
            yield
        except (CredentialError, ProviderError) as error:
            self.close()
            raise UnreachableError(error.detail, remedy=error.remedy) from None
        except UnreachableError:
            self.close()
            raise


def _modules(shipment: Shipment) -> bytes:
    """Return the modules of the snapshot as an archive that executors import from."""
    sink = io.BytesIO()
    snapshot = shipment.snapshot
    with zipfile.ZipFile(sink, "w") as archive:
        for file in snapshot.files:
            if file.path.endswith(".py"):
                archive.write(object_file(snapshot.store, file.sha256), file.path)
    return sink.getvalue()
