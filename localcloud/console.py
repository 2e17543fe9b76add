"""The local cloud as a browser shows it: through its own ARM, and the daemon's endpoints."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.catalogue.api_versions import (
    BATCH,
    DATABRICKS,
    HDINSIGHT,
    MACHINE_LEARNING,
    RESOURCES,
)
from infra.contract.cloud_console import (
    CloudCompute,
    CloudFacts,
    CloudMachine,
    CloudUsage,
    Faults,
    QueuedJob,
)
from infra.contract.discovery import SUBSCRIPTION, find_cloud
from infra.contract.errors import UnreachableError
from infra.contract.json_types import Document, JsonObject
from localcloud import control
from localcloud.arm_requests import ArmRequests, checked
from localcloud.vm_requests import VirtualMachines

_ROOT: Final = f"/subscriptions/{SUBSCRIPTION}"
_WORKSPACES: Final = f"{_ROOT}/providers/Microsoft.MachineLearningServices/workspaces"
_FAULTS: Final = "/aml/fault-injection"
_ENDED: Final = frozenset({"Completed", "Failed", "Canceled", "NotResponding", "Paused"})
_SERVICES: Final = {
    "Batch": ("Microsoft.Batch/batchAccounts", BATCH),
    "Databricks": ("Microsoft.Databricks/workspaces", DATABRICKS),
    "HDInsight": ("Microsoft.HDInsight/clusters", HDINSIGHT),
}
_GONE: Final = 404
_COUNT: Final = "NodeCount"
_LOG_LINES: Final = 40
_LOOKING: Final = threading.Lock()
"""Held while a page asks for all that the cloud holds."""


class LocalCloudConsole:
    """The local cloud of ``home``."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def facts(self) -> CloudFacts:
        with _LOOKING:
            return self._facts()

    def _facts(self) -> CloudFacts:
        status = control.status(self._home)
        log = control.log_lines(self._home, _LOG_LINES)
        if not status.running:
            return CloudFacts(running=False, log=log)
        arm = ArmRequests(self._home)
        faults = _faults(checked(arm.send("GET", _FAULTS, "")))
        facts = CloudFacts(
            running=True,
            url=status.url,
            pid=status.pid,
            version=status.version,
            subscription=status.subscription,
            inside=status.inside,
            faults=faults,
            log=log,
        )
        # Each call counts as one of those to be refused: looking must not use them up.
        return facts if faults.throttled else self._filled(facts, arm)

    def _filled(self, facts: CloudFacts, arm: ArmRequests) -> CloudFacts:
        """Return the facts with what the cloud's ARM says."""
        workspaces = list(_listed(arm, _WORKSPACES, MACHINE_LEARNING))
        groups = list(_listed(arm, f"{_ROOT}/resourcegroups", RESOURCES))
        kinds = Counter(
            str(each["type"])
            for group in groups
            for each in (group, *_listed(arm, f"{group['id']}/resources", RESOURCES))
        )
        return replace(
            facts,
            resources=dict(sorted(kinds.items())),
            computes=[each for ws in workspaces for each in _computes(arm, ws)],
            jobs=[each for ws in workspaces for each in _jobs(arm, ws)],
            machines=[*_machines(self._home), *_services(arm)],
            usages=list(_usages(arm, workspaces)),
        )

    def start(self) -> None:
        control.start(self._home, None)

    def stop(self) -> None:
        control.stop(self._home)

    def throttle(self, calls: int, retry_after_s: int) -> None:
        with _LOOKING:  # whoever looks meanwhile would use them up
            self._inject({"throttle": calls, "retry_after_s": retry_after_s})

    def slow(self, type: str, seconds: float) -> None:
        self._inject({"operation_s": {type: seconds}})

    def fail(self, type: str, name: str, times: int) -> None:
        self._inject({"failures": [{"type": type, "name": name, "times": times}]})

    def clear_faults(self) -> None:
        checked(self._running().send("DELETE", _FAULTS, ""))

    def evict(self, compute: str) -> Sequence[str]:
        answer = checked(self._running().send("POST", "/aml/evict", "", {"compute": compute}))
        return [str(name) for name in answer["evicted"]]

    def _inject(self, faults: JsonObject) -> None:
        checked(self._running().send("POST", _FAULTS, "", faults))

    def _running(self) -> ArmRequests:
        if find_cloud(self._home) is None:
            raise UnreachableError(
                "The local cloud is not running.", remedy="Start it first, or `aml cloud start`."
            )
        return ArmRequests(self._home)


def _listed(arm: ArmRequests, path: str, version: str) -> Iterator[JsonObject]:
    """Yield what a list has; nothing if what it is of is gone since it was listed itself."""
    url = path
    while url:
        answer = arm.send("GET", url, version)
        if answer.status_code == _GONE:
            return
        document = checked(answer)
        yield from document.get("value") or ()
        url, version = str(document.get("nextLink") or ""), ""


def _computes(arm: ArmRequests, workspace: Document) -> Iterator[CloudCompute]:
    for each in _listed(arm, f"{workspace['id']}/computes", MACHINE_LEARNING):
        properties = each["properties"]
        inner = properties.get("properties") or {}
        counts: Mapping[str, int] | None = inner.get("nodeStateCounts")
        state = inner.get("state") or inner.get("allocationState")
        nodes = None
        if counts is not None:
            nodes = {name.removesuffix(_COUNT): n for name, n in counts.items() if n}
        yield CloudCompute(
            str(each["id"]),
            str(each["name"]),
            str(workspace["name"]),
            str(properties["computeType"]),
            str(state or properties.get("provisioningState") or ""),
            nodes,
            bool(nodes) and inner.get("vmPriority") == "LowPriority",
        )


def _jobs(arm: ArmRequests, workspace: Document) -> Iterator[QueuedJob]:
    for each in _listed(arm, f"{workspace['id']}/jobs", MACHINE_LEARNING):
        properties = each["properties"]
        if properties.get("status") not in _ENDED:
            yield QueuedJob(
                str(each["name"]),
                str(properties.get("displayName") or each["name"]),
                str(properties.get("status")),
                str(workspace["name"]),
                str(properties.get("computeId") or "").rpartition("/")[2],
                int((properties.get("resources") or {}).get("instanceCount") or 1),
            )


def _machines(home: Path) -> Iterator[CloudMachine]:
    for each in VirtualMachines(home, "machines").all():
        address = f"{each.address}:{each.port}" if each.port else each.address
        yield CloudMachine(each.name, "Virtual machine", each.id, each.power_state, address)


def _services(arm: ArmRequests) -> Iterator[CloudMachine]:
    for kind, (type_, version) in _SERVICES.items():
        for each in _listed(arm, f"{_ROOT}/providers/{type_}", version):
            state = str((each.get("properties") or {}).get("provisioningState") or "")
            yield CloudMachine(str(each["name"]), kind, str(each["id"]), state)


def _usages(arm: ArmRequests, workspaces: Sequence[Document]) -> Iterator[CloudUsage]:
    for region in sorted({str(each["location"]) for each in workspaces}):
        path = f"{_ROOT}/providers/Microsoft.MachineLearningServices/locations/{region}/usages"
        for each in _listed(arm, path, MACHINE_LEARNING):
            if each["currentValue"]:
                name = str(each["name"]["localizedValue"])
                yield CloudUsage(region, name, int(each["currentValue"]), int(each["limit"]))


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _faults(document: Document) -> Faults:
    failures = [
        f"{each['method'] or 'any call'} of {each['type'] or 'any type'}"
        f" {each['name'] or ''}".rstrip()
        + f", {_times(int(each['times']))}: {each['code']}"
        for each in document["failures"]
    ]
    return Faults(
        int(document["throttle"]), int(document["retry_after_s"]), document["operation_s"], failures
    )
