"""The azureml target: command jobs on the computes of a workspace, in Azure or the local cloud.

Uses `infra.arm`'s client for ARM and azure-storage-blob for storage. Logs come from run history,
metrics and steps from the agent's event file among them. The local cloud adds events of its own,
which Azure does not have.
"""

import ssl
import time
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

from infra.arm.client import Client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.errors import ProviderError, UnknownNameError, UnreachableError
from infra.contract.json_types import Document
from runtime.agent.archive import agent_archive
from runtime.agent.events import read_events
from runtime.agent.files import printable
from runtime.agent.installed import FILE as INSTALLED_FILE
from runtime.agent.options import EVENTS_FILE, OTHER_EVENTS
from runtime.environments.images import BuildContext
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import PreparedRun, RunEvent
from runtime.model.states import RunState
from runtime.targets.azureml_bodies import (
    code_asset,
    environment_asset,
    environment_context,
    environment_name,
    job_body,
    registered_id,
    sweep_body,
)
from runtime.targets.azureml_children import children_events
from runtime.targets.azureml_code import UploadError, code_files, upload
from runtime.targets.azureml_computes import require_running, start_if_stopped, waited_too_long
from runtime.targets.azureml_cursor import Cursor
from runtime.targets.azureml_data import JobData, job_data
from runtime.targets.azureml_ends import (
    before_end,
    exit_code,
    explained,
    newest,
    own_end,
    reason,
    timed,
)
from runtime.targets.azureml_errors import checked_for_run, for_run
from runtime.targets.azureml_files import download
from runtime.targets.azureml_pipelines import component_asset, node_of, with_reads
from runtime.targets.azureml_registries import connect_registry
from runtime.targets.azureml_storage import open_container, open_datastore
from runtime.targets.base import Handle, LogChunk, Prepared, Report, RunStatus
from runtime.targets.mirroring import mirror_blobs
from runtime.targets.service_runs import Service, past_the_agent
from runtime.targets.workspace_transport import WorkspaceTransport

_NOT_FOUND: Final = 404
_PARTIAL: Final = 206
_OK: Final = frozenset({200, _PARTIAL})
_TIMEOUT_S: Final = 60.0
_ARTIFACTS: Final = "workspaceartifactstore"
_OURS: Final = "azureml/"
"""The folder in ``logs/`` of what the agent writes."""
_OF_THE_AGENT: Final = frozenset({EVENTS_FILE, INSTALLED_FILE})
_BLOB_STORE: Final = "workspaceblobstore"
_DRIVEN: Final = frozenset({"Sweep", "Pipeline"})
_FIREWALL: Final = "AuthorizationFailure"
"""Storage's code for requests from networks that the account does not let in."""
_CLOSED: Final = (
    "The storage account does not let this machine's network in: submit from a network that its"
    " firewall lists or that has a private endpoint to it, such as a VPN into the platform's."
)
_AGAIN: Final = "Submit again; files that were uploaded are not sent twice."


class AzureMLTarget:
    """One compute of a workspace. A handle's reference is the job's ARM id."""

    def __init__(self, name: str, client: Client, *, workspace_id: str, compute_id: str) -> None:
        self.name = name
        self._client = client
        self._workspace = workspace_id.rstrip("/")
        self._compute = compute_id

    def launch(self, run: PreparedRun) -> Handle:
        """Submit the run as a command job named after its run id, unless it exists."""
        return self.launch_sweep(run, {})

    def launch_sweep(self, run: PreparedRun, sweep: Document) -> Handle:
        """Submit a sweep job whose trials are the run, unless it exists; ``{}`` is no sweep."""
        job = f"{self._workspace}/jobs/{run.run_id}"
        if self._get(job) is None:
            # First: uploads to a workspace that is gone would fail with less helpful errors. Last
            # is the job: one that exists has its code and environment.
            self._existing_workspace()
            body = self._job_body(run, job_data(run, self._transport))
            self._put(job, sweep_body(body, sweep) if sweep else body)
        return Handle(self.name, job)

    def pipeline_node(
        self, run: PreparedRun, reads: Mapping[str, str], *, is_reusable: bool
    ) -> Document:
        """Send what a step of a pipeline job is made of; return its node."""
        self._existing_workspace()
        body = self._job_body(run, with_reads(run, reads, self._transport))
        name, component = component_asset(body, is_reusable=is_reusable)
        path = f"{self._workspace}/components/{name}"
        if self._get(path) is None:
            self._put(path, component)
        return node_of(body, path, reads)

    def launch_pipeline(self, run_id: str, pipeline: Document) -> Handle:
        """Submit a pipeline job named after its run id, unless it exists."""
        job = f"{self._workspace}/jobs/{run_id}"
        if self._get(job) is None:
            self._put(job, {"properties": dict(pipeline)})
        return Handle(self.name, job)

    def put_schedule(self, name: str, schedule: Document) -> str:
        """Create a schedule, or change one; return its ARM id."""
        path = f"{self._workspace}/schedules/{name}"
        known = self._get(path)
        self._put(path, {"properties": {**(known["properties"] if known else {}), **schedule}})
        return path

    def delete_schedule(self, name: str) -> None:
        """Delete a schedule; one that is gone is deleted."""
        path = f"{self._workspace}/schedules/{name}"
        if self._get(path) is not None:
            self.put_schedule(name, {"isEnabled": False})  # the service deletes none that is on
            self._client.complete("DELETE", path, api_version=MACHINE_LEARNING)

    @property
    def workspace(self) -> str:
        """The ARM id of its workspace."""
        return self._workspace

    @property
    def _transport(self) -> WorkspaceTransport:
        return WorkspaceTransport(self._client, self._workspace)

    def _job_body(self, run: PreparedRun, data: JobData) -> Document:
        if run.spec.environment is None:
            raise AssertionError("prepare refuses a run without an environment here")
        return job_body(
            run,
            code_id=self._code(run, agent_archive()),
            environment_id=self._environment_id(run.spec.environment),
            compute_id=self._ready_compute(run),
            data=data,
        )

    def start(self) -> bool:
        """Start the compute if it is an instance that is stopped; return whether it was."""
        return start_if_stopped(self._client, self._compute, self._get(self._compute))

    def prepare(self, environment: EnvironmentSpec) -> Prepared:
        """Register the environment; the service builds its image for the first run."""
        self._existing_workspace()
        registered = environment.kind == "registered"
        path = "" if registered else self._environment_path(environment)
        reused = registered or self._get(path) is not None
        found = self._environment_id(environment)
        says = (
            "The environment is registered already; its image is built by the first run that uses"
            " it, and reused from then on."
            if reused
            else "Registered the environment. The service builds its image for the first run that"
            " uses it, and reuses it from then on; no node was started."
        )
        return Prepared(found, says, reused)

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        """Return each run's status; a job that does not exist has failed."""
        return {handle: self._status(handle, cursor) for handle, cursor in handles.items()}

    def cancel(self, handle: Handle) -> None:
        """Ask the job to stop, unless it has ended."""
        status = self._status_of(self._get(self._job(handle)))
        if status is not None and not status.final and status is not RunState.CANCEL_REQUESTED:
            path = f"{self._job(handle)}/cancel"
            checked_for_run(self._client.send("POST", path, api_version=MACHINE_LEARNING), at=path)

    def is_job(self, run_id: str) -> bool:
        """Return whether the workspace has a job of this name."""
        return self._get(self._job(Handle(self.name, run_id))) is not None

    def logs(self, handle: Handle, offsets: Mapping[str, int]) -> Iterable[LogChunk]:
        """Yield what each log has beyond its offset; the agent's own files are not logs."""
        files = self._details(handle).get("logFiles") or {}
        for name, url in sorted(files.items()):
            if name not in _OF_THE_AGENT and not name.startswith(OTHER_EVENTS):
                yield from self._chunk(name, url, offsets.get(name, 0))

    def collect(self, handle: Handle, into: Path, report: Report) -> Sequence[Path]:
        """Download everything that the run and its nested runs stored as artifacts."""
        run_id = _name(handle)
        with self._container(_ARTIFACTS) as container:
            collected = download(container, run_id, into, report)
            for child in self._nested(run_id):
                collected += download(container, child, into, report, folder=f"runs/{child}/")
        return collected

    def mirror(self, handle: Handle, folder: str, into: Path) -> Path:
        """Copy what a run has written below ``folder`` so far; return ``into``."""
        prefix = f"ExperimentRun/dcid.{_name(handle)}/{folder}/"
        try:
            with self._container(_ARTIFACTS) as container:
                mirror_blobs(container, prefix, into, without=_OURS)
        except AzureError as error:
            raise UnreachableError(
                f"The files of run {_name(handle)} cannot be read: {error.message}",
                remedy="Check the connection; they are read again.",
            ) from error
        return into

    def close(self) -> None:
        """Close the connections used for logs. Whoever passed the ARM client closes it."""
        http = self.__dict__.pop("_http", None)
        if http is not None:
            http.close()

    # --- submission

    def _ready_compute(self, _: PreparedRun) -> str:
        """Return the id of the compute that the run is submitted to. Raises if it takes none."""
        if self._compute:
            require_running(self._get(self._compute), self.name)
        return self._compute

    def _code(self, run: PreparedRun, agent: bytes) -> str:
        name, version = code_asset(run.snapshot, agent)
        path = f"{self._workspace}/codes/{name}/versions/{version}"
        if self._get(path) is None:
            pending = checked_for_run(
                self._client.send(
                    "POST",
                    f"{path}/startPendingUpload",
                    api_version=MACHINE_LEARNING,
                    body={"pendingUploadType": "TemporaryBlobReference"},
                ),
                at=path,
            ).document["blobReferenceForConsumption"]
            folder = f"{name}-{version}"
            self._upload(pending["credential"]["sasUri"], folder, run, agent)
            properties = {"hash_sha256": run.snapshot.id}
            body = {
                "codeUri": f"{pending['blobUri']}/{folder}",
                "isAnonymous": True,
                "properties": properties,
            }
            self._put(path, {"properties": body})
        return path

    def _upload(self, sas: str, folder: str, run: PreparedRun, agent: bytes) -> None:
        files = code_files(run.snapshot, agent)
        with open_container(self._client, sas) as container:
            try:
                upload(container, folder, files, group=run.experiment, now=time.time)
            except (UploadError, AzureError) as error:
                what = printable(error.path) if isinstance(error, UploadError) else "The snapshot"
                raise UnreachableError(
                    f"{what} cannot be uploaded: {error}",
                    remedy=_CLOSED if _FIREWALL in str(error) else _AGAIN,
                    at=self._workspace,
                ) from error

    def _environment_id(self, spec: EnvironmentSpec) -> str:
        if spec.kind == "registered":
            return registered_id(spec, self._workspace)
        connect_registry(self._client, self._workspace, spec)
        return self._environment(spec)

    def _environment(self, spec: EnvironmentSpec) -> str:
        path = self._environment_path(spec)
        if self._get(path) is None:
            context = environment_context(spec)
            uri = self._uploaded(context) if context else None
            self._put(path, environment_asset(spec, uri)[1])
        return path

    def _environment_path(self, spec: EnvironmentSpec) -> str:
        return f"{self._workspace}/environments/{environment_name(spec)}/versions/1"

    def _uploaded(self, context: BuildContext) -> str:
        """Upload a build context to the workspace's blob store; return its address."""
        folder = f"LocalUpload/{context.digest}"
        with self._container(_BLOB_STORE) as container:
            for path, content in context.files.items():
                data = content.read_bytes() if isinstance(content, Path) else content
                try:
                    container.get_blob_client(f"{folder}/{path}").upload_blob(data, overwrite=True)
                except AzureError as error:
                    raise UnreachableError(
                        f"{printable(path)} of the build context cannot be uploaded:"
                        f" {error.message}",
                        remedy="Submit again.",
                        at=self._workspace,
                    ) from error
            return f"{container.url.partition('?')[0]}/{folder}/"

    # --- status

    def _status(self, handle: Handle, cursor: str) -> RunStatus:
        job = self._get(self._job(handle))
        state = self._status_of(job)
        if job is not None and waited_too_long(job, time.time()):
            self.cancel(handle)
        if state is None:
            return RunStatus(RunState.FAILED, cursor=cursor, error="The job does not exist.")
        read = Cursor.parse(cursor)
        details = self._details(handle)
        service = before_end(state, self._service_events(handle, read.service))
        state = newest(state, service)
        read = read.past_service(service)
        reported, offset = self._agent_events(details, read.agent, read.first_seq)
        # The service decides the state: it still collects outputs after the script has ended.
        agent = [event for event in reported if event.kind != "state" or event.data.get("run")]
        error = (details.get("error") or {}).get("error", details.get("error") or {})
        says = error.get("message") if isinstance(error, Mapping) else None
        past = self._live_children(handle, job) if not state.final else ()
        if state.final and not read.past:
            every, _ = self._agent_events(details, 0, read.first_seq)
            past = self._past_the_agent(handle, details, every)
            # The agent knows why; the service knows the exit code of its command.
            why = reason(every) if state is RunState.FAILED else None
            service, says = explained(service, why), why or says
        status = RunStatus(
            state,
            [*service, *agent, *past],
            str(replace(read, agent=offset, past=int(state.final))),
            exit_code=exit_code(service) or exit_code(own_end(reported, state)),
            error=says,
        )
        return status if read.service else timed(details, status)

    def _job(self, handle: Handle) -> str:
        """Return the job's ARM id; if the submitter was killed, history has only its name."""
        reference = handle.reference
        return reference if reference.startswith("/") else f"{self._workspace}/jobs/{reference}"

    def _status_of(self, job: Document | None) -> RunState | None:
        if job is None:
            return None
        status = job["properties"].get("status") or RunState.NOT_STARTED
        return RunState(status) if status in set(RunState) else RunState.RUNNING

    def _details(self, handle: Handle) -> Document:
        url = f"{self._history}/runs/{quote(_name(handle))}/details"
        answer = self._client.send("GET", url, api_version="v1.0")
        return answer.document if answer.ok else {}

    def _nested(self, run_id: str) -> list[str]:
        """Return the runs below a run, with those below them."""
        found, parents = list[str](), [run_id]
        while parents:
            children = self._children(parents.pop())
            new = [str(child["runId"]) for child in children if child["runId"] not in found]
            found += new
            parents += new
        return found

    def _children(self, run_id: str) -> Sequence[Document]:
        url = f"{self._history}/runs/{quote(run_id)}/children"
        answer = self._client.send("GET", url, api_version="v1.0")
        return answer.document.get("value") or [] if answer.ok else []

    def _live_children(self, handle: Handle, job: Document | None) -> Sequence[RunEvent]:
        """Return what is known of the runs below a job that the service drives."""
        kind = job["properties"].get("jobType") if job else None
        if kind not in _DRIVEN:
            return ()
        return children_events(_name(handle), self._children(_name(handle)))

    def _service_events(self, handle: Handle, number: int) -> Sequence[RunEvent]:
        url = f"{self._history}/runs/{quote(_name(handle))}/events"
        params = {"from": str(number)}
        answer = self._client.send("GET", url, api_version="v1.0", params=params)
        items = answer.body if answer.ok and isinstance(answer.body, list) else []
        return [RunEvent(e["seq"], e["time"], e["kind"], e["data"], "service") for e in items]

    def _agent_events(
        self, details: Document, offset: int, first_seq: int
    ) -> tuple[Sequence[RunEvent], int]:
        url = (details.get("logFiles") or {}).get(EVENTS_FILE)
        content = self._bytes(url, offset) if url else b""
        whole = content[: content.rfind(b"\n") + 1]
        events = [
            RunEvent(first_seq + e["seq"], e["time"], e["kind"], e["data"], "agent")
            for e in read_events(whole)
        ]
        return events, offset + len(whole)

    def _past_the_agent(
        self, handle: Handle, details: Document, every: Sequence[RunEvent]
    ) -> Sequence[RunEvent]:
        """Return what a run that has ended has which its agent has not seen.

        ``every`` are all events of the agent.
        """
        service = Service(self._mlflow, self._metrics, self._children)
        return past_the_agent(service, details, _name(handle), every)

    def _mlflow(self, path: str, params: Mapping[str, str]) -> Document:
        url = f"{self._services}/mlflow/v2.0{self._workspace}/api/2.0/mlflow/{path}"
        answer = self._client.send("GET", url, params=params)
        return answer.document if answer.ok else {}

    def _metrics(self, path: str, body: Document) -> Document:
        url = f"{self._services}/metric/v2.0{self._workspace}/runs/{quote(path)}"
        answer = self._client.send("POST", url, body=body)
        return answer.document if answer.ok else {}

    def _chunk(self, name: str, url: str, offset: int) -> Iterator[LogChunk]:
        # A character that is only partly written is left for the next read.
        decoder = getincrementaldecoder("utf-8")("replace")
        content = self._bytes(url, offset)
        text = decoder.decode(content)
        if text:
            yield LogChunk(name, text, offset + len(content) - len(decoder.getstate()[0]))

    def _bytes(self, url: str, offset: int) -> bytes:
        try:
            answer = self._http.get(url, headers={"Range": f"bytes={offset}-"})
        except httpx.TransportError as error:
            raise UnreachableError(
                f"The log cannot be read: {error}.",
                remedy="Check the connection; `aml run logs` shows the whole log later.",
                at=url.partition("?")[0],
            ) from error
        if answer.status_code not in _OK:
            return b""
        # A server that ignores ranges answers with the whole log.
        return answer.content if answer.status_code == _PARTIAL else answer.content[offset:]

    # --- requests

    def _get(self, path: str) -> Document | None:
        answer = self._client.send("GET", path, api_version=MACHINE_LEARNING)
        return None if answer.status == _NOT_FOUND else checked_for_run(answer, at=path).document

    def _put(self, path: str, body: Document) -> None:
        try:
            self._client.complete("PUT", path, api_version=MACHINE_LEARNING, body=body)
        except ProviderError as error:
            raise for_run(error) from error

    def _existing_workspace(self) -> Document:
        """Return the workspace. Raises ``UnknownNameError`` if it is gone."""
        workspace = self._get(self._workspace)
        if workspace is None:
            raise UnknownNameError(
                "The target's workspace does not exist.",
                remedy="Run `aml up` to deploy it again.",
                at=self._workspace,
            )
        return workspace

    @cached_property
    def _discovered(self) -> Document:
        url = self._existing_workspace()["properties"]["discoveryUrl"]
        return checked_for_run(self._client.send("GET", url), at=url).document

    @cached_property
    def _services(self) -> str:
        return str(self._discovered.get("api") or "").rstrip("/")

    @cached_property
    def _history(self) -> str:
        base = str(self._discovered.get("history") or self._discovered["api"]).rstrip("/")
        return f"{base}/history/v1.0{self._workspace}"

    def _container(self, datastore: str) -> ContainerClient:
        store = self._get(f"{self._workspace}/datastores/{datastore}") or {}
        return open_datastore(self._client, self._workspace, datastore, store)

    @cached_property
    def _http(self) -> httpx.Client:
        ca = self._client.endpoint.ca
        if ca is None:
            return httpx.Client(timeout=_TIMEOUT_S)
        context = ssl.create_default_context(cafile=str(ca))
        # The local cloud is on loopback, where no proxy leads.
        return httpx.Client(verify=context, trust_env=False, timeout=_TIMEOUT_S)


def _name(handle: Handle) -> str:
    return handle.reference.rpartition("/")[2]
