"""Drives pipeline jobs: each node becomes a job of the workspace, started when its data is there.

What a node has come to is the state of its job, whose name is always the same one, so a daemon that
is restarted goes on. As in Azure ML, a job of the same definition with the same inputs that has
completed stands for a node (``is_deterministic``), unless the pipeline has ``force_rerun``.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.automl_jobs import keep_search
from localcloud.behaviours.driven_jobs import DrivenJobs, DrivenRun
from localcloud.behaviours.job_runs import PARENT, add_run
from localcloud.behaviours.pipeline_jobs import (
    PIPELINE,
    child_call,
    filled,
    graph_of,
    kind_of,
    scope_of,
)
from localcloud.behaviours.pipeline_nodes import (
    FINGERPRINT,
    IS_REUSED,
    Node,
    child_id,
    child_properties,
    default_uri,
    outputs_of,
)
from localcloud.behaviours.sweep_driving import SweepEngine
from localcloud.behaviours.sweep_jobs import SWEEP
from localcloud.calls.automl import AUTOML
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource
from localcloud.store.runs import Origin, StoredRun
from runtime.model.pipelines import REUSED_PROPERTY
from runtime.model.states import RunState
from runtime.pipelines.planning import Plan, StepState, failed

LOG: Final = "logs/azureml/executionlogs.txt"
_PROPERTIES: Final = {"azureml.runsource": "azureml.PipelineRun", "runType": "HTTP"}
_LOOK_S: Final = (0.05, 0.5)
_GROWTH: Final = 1.3
_FIRST: Final = 5
_ENDS: Final = {
    RunState.COMPLETED: StepState.COMPLETED,
    RunState.FAILED: StepState.FAILED,
    RunState.CANCELED: StepState.CANCELED,
}
_ORIGINS: Final[dict[str, Origin]] = {SWEEP: "sweep", PIPELINE: "pipeline"}


def origin_of(properties: Document) -> Origin:
    """Return who sets the state of a job's run."""
    return _ORIGINS.get(kind_of(properties), "job")


def begin_job(cloud: Cloud, job: StoredResource) -> None:
    """Have a new job run by whoever runs its kind; the store has it and its run."""
    kind = kind_of(job.properties)
    if kind in _ENGINES:
        cloud.engine(_ENGINES[kind]).begin(job.id)
        return
    if kind == AUTOML:
        keep_search(cloud, job)
    cloud.nodes.job_stored(job.id)


def cancel_job(cloud: Cloud, job: StoredResource) -> None:
    """Ask a job to stop, and those below it; does nothing when it has ended."""
    kind = kind_of(job.properties)
    if kind in _ENGINES:
        cloud.engine(_ENGINES[kind]).cancel(job.id)
    else:
        cloud.nodes.cancel(job.id)


class PipelineEngine(DrivenJobs):
    """The pipelines of a cloud that have not ended."""

    origin = "pipeline"

    def driver(self, job: StoredResource, run: StoredRun, parent: DrivenRun) -> "_Pipeline":
        """Return what drives a pipeline."""
        return _Pipeline(self.cloud, job, run, parent, self.sleep)


_ENGINES: Final[dict[str, type[DrivenJobs]]] = {SWEEP: SweepEngine, PIPELINE: PipelineEngine}


class _Pipeline:
    """One pipeline, and how far it is."""

    def __init__(
        self,
        cloud: Cloud,
        job: StoredResource,
        run: StoredRun,
        parent: DrivenRun,
        sleep: Callable[[float], None],
    ) -> None:
        self._cloud, self._job, self._run = cloud, job, run
        self._parent, self._sleep = parent, sleep
        self._call = Call(
            cloud, "PUT", job.id, target=parse_arm_id(job.id), caller={"appid": run.user}
        )
        graph = graph_of(self._call, job.properties, [])
        settings: Document = job.properties.get("settings") or {}
        self._rerun = settings.get("force_rerun") is True
        self._nodes = graph.nodes
        self._plan = Plan(graph.upstream, settings.get("continue_on_step_failure") is True)
        self._made: dict[str, dict[str, JsonObject]] = {}
        self._scope = scope_of(job.name, job.properties)

    def drive(self) -> None:
        """Start and follow the nodes until all have ended; then end the pipeline's run."""
        self._cloud.store.tracking.add_properties(self._run.key, _PROPERTIES)
        self._parent.state(RunState.RUNNING)
        self._made = {name: outputs_of(node, self._scope) for name, node in self._nodes.items()}
        wait_s = _LOOK_S[0]
        while not self._plan.over:
            if self._parent.is_canceled() and not self._plan.stopping:
                self._cancel()
            happened = self._start_ready() + self._follow()
            wait_s = _LOOK_S[0] if happened else min(wait_s * _GROWTH, _LOOK_S[1])
            if not happened:
                self._sleep(wait_s)
        self._end()

    # --- starting

    def _start_ready(self) -> int:
        ready = self._plan.ready()
        new = [name for name in ready if self._child(name) is None]
        if new:
            first = ", ".join(f"{each}:{self._id(each)}" for each in new[:_FIRST])
            self._log(f"Submitting {len(new)} runs, first five are: {first}")
        for name in ready:
            self._plan.became(name, StepState.RUNNING)
            if name in new:
                self._start(self._nodes[name])
        return len(ready)

    def _start(self, node: Node) -> None:
        """Start the job of a node, or let an earlier one stand for it."""
        scope = replace(self._scope, made=self._made)
        properties = child_properties(node, scope, [])
        # Of a pipeline in this one, each node is reused by itself.
        again = self._rerun or not node.deterministic or node.kind == PIPELINE
        earlier = None if again else self._earlier(properties)
        call = child_call(self._call, self._id(node.name))
        try:
            properties = filled(call, properties)
        except RefusedError as refusal:
            self._log(f"Node {node.name} could not be started: {refusal.message}")
            self._became(node.name, StepState.FAILED)
            return
        if earlier is not None:
            self._reuse(node, properties, earlier)
            return
        child, _ = self._stored(node, properties)
        begin_job(self._cloud, child)

    def _stored(self, node: Node, properties: JsonObject) -> tuple[StoredResource, StoredRun]:
        """Store the job of a node, with its run below the pipeline's."""
        now, job = self._cloud.clock(), self._job
        child = StoredResource(
            id=f"{job.parent}/jobs/{self._id(node.name)}",
            type=job.type,
            parent=job.parent,
            document={"properties": properties, "systemData": job.document.get("systemData")},
            created=now,
            modified=now,
            scope=job.scope,
        )
        with self._cloud.store.database.write():
            self._cloud.store.resources.put(child)
            run = add_run(
                self._cloud,
                child,
                user=self._run.user,
                origin=origin_of(properties),
                tags={PARENT: self._run.run_id},
            )
        return child, run

    def _earlier(self, properties: Document) -> StoredResource | None:
        """Return a completed job that was made of the same."""
        wanted = properties["properties"][FINGERPRINT]
        jobs = self._cloud.store.resources.children(
            self._job.parent, type=self._job.type, now=self._cloud.clock()
        )
        for each in reversed(jobs):
            own = each.properties.get("properties") or {}
            if own.get(FINGERPRINT) == wanted and IS_REUSED not in own:
                run = self._cloud.store.runs.get(each.parent, each.name)
                if run is not None and run.state is RunState.COMPLETED:
                    return each
        return None

    def _reuse(self, node: Node, properties: JsonObject, earlier: StoredResource) -> None:
        self._log(f"Node {node.name} is reused from run {earlier.name}")
        own = {**properties["properties"], IS_REUSED: "true", REUSED_PROPERTY: earlier.name}
        outputs = {**properties["outputs"], **(earlier.properties.get("outputs") or {})}
        _, run = self._stored(node, {**properties, "properties": own, "outputs": outputs})
        for state in (RunState.RUNNING, RunState.COMPLETED):
            self._cloud.store.runs.move(run.key, state, self._cloud.clock())

    # --- following

    def _follow(self) -> int:
        """Look at the nodes that run; return how many have ended."""
        ended = 0
        for name in self._plan.running:
            run = self._child(name)
            # A job that was deleted meanwhile cannot complete.
            state = RunState.CANCELED if run is None else run.state
            if not state.final:
                continue
            if run is not None and state is RunState.COMPLETED:
                self._take_outputs(self._nodes[name], run)
            self._log(f"Completing processing run id {self._id(name)}")
            self._became(name, _ENDS[state])
            ended += 1
        return ended

    def _take_outputs(self, node: Node, run: StoredRun) -> None:
        """Note where a completed node wrote; tell it to the outputs of the pipeline it is."""
        job = self._cloud.store.resources.get(
            f"{self._job.parent}/jobs/{run.run_id}", now=self._cloud.clock()
        )
        written: dict[str, JsonObject] = dict(job.properties.get("outputs") or {}) if job else {}
        if job is not None and node.kind == SWEEP:
            written = self._of_best(run, written)
            self._change_outputs(job, written)
        self._made[node.name] = {**self._made[node.name], **written}
        bound = {
            above: {**self._scope.outputs[above], "uri": written[name]["uri"]}
            for name, above in node.bound.items()
            if name in written and written[name].get("uri")
        }
        if bound:
            self._change_outputs(self._job, bound)

    def _of_best(self, run: StoredRun, outputs: dict[str, JsonObject]) -> dict[str, JsonObject]:
        """Return the outputs of a sweep: those of its best trial."""
        best = self._cloud.store.tracking.properties(run.key).get("best_child_run_id")
        if not best:
            return {name: each for name, each in outputs.items() if each.get("uri")}
        return {
            name: {"uri": default_uri(best, name, str(each["jobOutputType"])), **each}
            for name, each in outputs.items()
        }

    def _change_outputs(self, job: StoredResource, outputs: dict[str, JsonObject]) -> None:
        with self._cloud.store.database.write():
            stored = self._cloud.store.resources.get(job.id, now=self._cloud.clock())
            if stored is None:
                return
            changed = {**(stored.properties.get("outputs") or {}), **outputs}
            if changed != stored.properties.get("outputs"):
                properties = {**stored.properties, "outputs": changed}
                document = {**stored.document, "properties": properties}
                self._cloud.store.resources.put(replace(stored, document=document))

    def _became(self, name: str, state: StepState) -> None:
        skipped = self._plan.became(name, state)
        if skipped:
            self._log(f"Not run because node {name} {str(state).lower()}: {_listed(skipped)}")

    # --- the end

    def _cancel(self) -> None:
        skipped = self._plan.stop()
        if skipped:
            self._log(f"Not run because the pipeline was canceled: {_listed(skipped)}")
        for name in self._plan.running:
            child = self._cloud.store.resources.get(
                f"{self._job.parent}/jobs/{self._id(name)}", now=self._cloud.clock()
            )
            if child is not None:
                cancel_job(self._cloud, child)

    def _end(self) -> None:
        states = self._plan.states
        wrong = failed(states)
        left = [name for name, state in states.items() if state is StepState.SKIPPED]
        canceled = [name for name, state in states.items() if state is StepState.CANCELED]
        if self._parent.is_canceled() or (canceled and not wrong):
            self._log("Finishing experiment: it was canceled.")
            self._parent.state(RunState.CANCELED)
        elif wrong:
            self._log("Execution of experiment failed, update experiment status.")
            rest = f" Not run: {_listed(left)}." if left else ""
            self._parent.state(RunState.FAILED, f"Nodes failed: {_listed(wrong)}.{rest}")
        else:
            self._log("Finishing experiment: no runs left and nothing to schedule.")
            self._parent.state(RunState.COMPLETED)

    def _child(self, name: str) -> StoredRun | None:
        return self._cloud.store.runs.get(self._job.parent, self._id(name))

    def _id(self, name: str) -> str:
        return child_id(self._job.name, name)

    def _log(self, line: str) -> None:
        at = datetime.fromtimestamp(self._cloud.clock(), UTC)
        self._parent.log(LOG, f"[{at:%Y-%m-%d %H:%M:%SZ}] {line}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
