"""The calls of the in-run ``azureml`` package: one JSON document each, below ``/aml/v1/``.

Numbers, tags and child runs become MLflow's calls, so that both see the same; the rest is kept
here. Whatever is logged is an event of the run.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import typing
from collections.abc import Callable
from io import BytesIO
from urllib.parse import quote, urlencode

from runtime.agent.backends import API, TrackingBackend
from runtime.agent.context import RunContext
from runtime.agent.documents import JsonObject
from runtime.agent.fields import json_number, needed, number
from runtime.agent.gateway import Gateway
from runtime.agent.run_above import ToldAbove, run_above
from runtime.agent.run_documents import PARENT_TAG, STATUSES, run_document, shown_tags
from runtime.agent.run_facts import RunFacts
from runtime.agent.run_files import RunFiles
from runtime.agent.run_metrics import NUMBER, TypedMetrics, checked_type, event_value, value_text
from runtime.agent.wire import RefusalError, TrackingCall, TrackingReply, as_document

RUN_API = "/aml/v1/"
_ARTIFACTS = "artifacts/"
_MOST_CHILDREN = 100
_PAGE = 1000
Handler: typing.TypeAlias = "Callable[[RunCalls, JsonObject], JsonObject]"
Record: typing.TypeAlias = "Callable[[str, JsonObject], None]"


class RunCalls:
    """Answers the calls about one run, its children, and other runs that it can reach."""

    def __init__(
        self,
        tracking: TrackingBackend,
        context: RunContext,
        facts: RunFacts,
        gateway: Gateway,
        record: Record,
    ) -> None:
        self._tracking = tracking
        self._context = context
        self._facts = facts
        self._gateway = gateway
        self._record = record
        self._above = ToldAbove(record)
        self._metrics = TypedMetrics()
        self._files = RunFiles(tracking, context.run_id, self._mlflow)
        self._setting_tags = threading.Lock()
        self._tracked: set[str] = set()
        self._learning = threading.Lock()
        self._learned = False
        self.failure: str | None = None
        """Why the script said that its run failed; the run fails when the script has ended."""

    def taken_failure(self) -> str | None:
        """Return why the script said that its run failed, and forget it: it may start again."""
        failure, self.failure = self.failure, None
        return failure

    def answer(self, call: TrackingCall) -> TrackingReply:
        """Answer one call. Raises ``RefusalError``."""
        verb = call.path[len(RUN_API) :]
        if verb.startswith(_ARTIFACTS):
            run, _, path = verb[len(_ARTIFACTS) :].partition("/")
            return self._files.answer(call, run, path)
        if verb not in _VERBS:
            raise RefusalError("ENDPOINT_NOT_FOUND", f"The agent does not support {call.path}.")
        return TrackingReply.of_json(_VERBS[verb](self, call.body()))

    # --- the run

    def show(self, body: JsonObject) -> JsonObject:
        """Return a run, with what only the target knows if it is the script's own."""
        run = self._run(body)
        if run != self._context.run_id:
            return self._other(run)
        shown = run_document(self._mlflow("GET", "runs/get", {"run_id": run})["run"])
        own = self._own_facts()
        facts = own.document
        return {
            **shown,
            **{key: value for key, value in facts.items() if key != "tags"},
            "status": "Running",
            "experiment": self._context.experiment,
            "parent": run_above(own) or shown["parent"],
            "started": self._facts.started,
        }

    def _own_facts(self) -> RunFacts:
        """Return the facts of the script's own run; a service is asked once."""
        with self._learning:
            if not self._learned:
                self._facts.learn(self._gateway.own_run())
                self._learned = True
        return self._facts

    def end(self, body: JsonObject) -> JsonObject:
        """End a child run. The script's own run ends with the script, whatever it says before."""
        run, state = self._run(body), str(needed(body, "status"))
        message = str(body.get("message") or "")
        if run == self._context.run_id:
            if state == "Failed":
                self.failure = message or "The script called `Run.fail`."
            return {}
        if message:
            self._record("message", {"text": f"Run {run} is {state}: {message}"})
        status = STATUSES[state]
        change = {"run_id": run, "status": status, "end_time": _now_ms()}
        self._mlflow("POST", "runs/update", change)
        return {}

    def cancel(self, body: JsonObject) -> JsonObject:
        """Cancel the script's own run, a child of it, or another run such as its parent."""
        run = self._run(body)
        if self._gateway.change_run(run, "cancel", {}):
            return {}
        if self._is_above(run) and not self._is_tracked(run):
            self._above.change(run, "cancel", {})
        elif run == self._context.run_id:
            os.kill(os.getpid(), signal.SIGTERM)  # as a target does to cancel the run
        else:
            self.end({"run": run, "status": "Canceled"})
        return {}

    # --- children and other runs

    def create_children(self, body: JsonObject) -> JsonObject:
        """Create child runs, at most a hundred at once, and return them.

        They began ``took_s`` seconds ago, by default now.
        """
        parent, names = self._run(body), list(body.get("names") or ())
        if not 0 < len(names) <= _MOST_CHILDREN:
            text = f"Between 1 and {_MOST_CHILDREN} child runs can be created at once."
            raise RefusalError("INVALID_PARAMETER_VALUE", text)
        experiment = self._mlflow("GET", "runs/get", {"run_id": parent})["run"]["info"]
        made = []
        began = _now_ms() - int(1000 * float(body.get("took_s") or 0))
        for name in names:
            tags = {**(body.get("tags") or {}), PARENT_TAG: parent}
            if name:
                tags["mlflow.runName"] = str(name)
            request: JsonObject = {
                "experiment_id": experiment["experiment_id"],
                "start_time": began,
                "tags": [{"key": key, "value": str(value)} for key, value in tags.items()],
            }
            if body.get("run_id"):
                request["run_id"] = str(body["run_id"])
            made.append(self._mlflow("POST", "runs/create", request)["run"])
            given, chosen = request.get("run_id"), made[-1]["info"]["run_id"]
            if given not in (None, chosen):
                text = f"The tracking server chooses ids itself: run {given!r} is {chosen!r}."
                self._record("message", {"text": text})
        return {"runs": [self._of_experiment(run_document(run)) for run in made]}

    def children(self, body: JsonObject) -> JsonObject:
        """Return the runs below a run, newest first; with ``recursive`` those below them too."""
        run = self._run(body)
        found = self._below(run)
        if body.get("recursive"):
            for child in found:
                found += self._below(str(child["id"]))
        return {"runs": found}

    def runs(self, body: JsonObject) -> JsonObject:
        """Return the runs of an experiment (the run's own if none is named), newest first."""
        wanted = str(body.get("experiment") or self._context.experiment)
        found = self._search("", wanted)
        known = {run["id"] for run in found}
        others = self._gateway.other_runs(wanted)
        return {"runs": [*found, *(run for run in others if run["id"] not in known)]}

    def _below(self, run: str) -> list[JsonObject]:
        return self._search(f"tags.`{PARENT_TAG}` = '{run}'")

    def _search(self, wanted: str, experiment: str = "") -> list[JsonObject]:
        """Return the runs of an experiment that match; none of an experiment that is not there."""
        name = experiment or self._context.experiment
        if name == self._context.experiment:
            own = {"run_id": self._context.run_id}
            key = self._mlflow("GET", "runs/get", own)["run"]["info"]["experiment_id"]
        else:
            try:
                asked = {"experiment_name": name}
                found = self._mlflow("GET", "experiments/get-by-name", asked)
            except RefusalError:
                return []
            key = found["experiment"]["experiment_id"]
        body = {"experiment_ids": [key], "filter": wanted, "max_results": _PAGE}
        runs = self._mlflow("POST", "runs/search", body).get("runs") or []
        return [{**run_document(run), "experiment": name} for run in runs]

    def _of_experiment(self, document: JsonObject) -> JsonObject:
        return {**document, "experiment": self._context.experiment}

    def _other(self, run: str) -> JsonObject:
        try:
            found = self._mlflow("GET", "runs/get", {"run_id": run})["run"]
        except RefusalError:
            other = self._untracked(run)
            if other is None:
                raise
            return other
        return self._of_experiment(run_document(found))

    # --- what is logged

    def log(self, body: JsonObject) -> JsonObject:
        """Log one value: ``key``, ``value``, ``type`` (a number if absent), ``step``."""
        run, kind = self._run(body), checked_type(body)
        key, step = str(needed(body, "key")), body.get("step")
        metric: JsonObject = {"key": key, "value": body.get("value"), "timestamp": _now_ms()}
        metric["step"] = self._metrics.next_step(run, key) if step is None else int(step)
        if kind == NUMBER:
            value = body.get("value")
            if not isinstance(value, int) or isinstance(value, bool):
                self._metrics.note_fraction(run, key)
                metric["value"] = json_number(number(body, key))
            if not self._changed_elsewhere(run, "metric", metric):
                self._mlflow("POST", "runs/log-metric", {"run_id": run, **metric})
            return {}
        metric["type"] = kind
        if self._changed_elsewhere(run, "metric", metric):
            return {}
        self._metrics.add(run, metric)
        self._record("metric", {**self._as_event(run, metric), **self._about(run)})
        return {}

    def metrics(self, body: JsonObject) -> JsonObject:
        """Return everything a run logged: ``{name: {"type", "values": […]}}``, in order."""
        run = self._run(body)
        logged: JsonObject = {}
        try:
            document = self._mlflow("GET", "runs/get", {"run_id": run})["run"]
        except RefusalError:
            other = self._untracked(run)
            if other is None:
                raise
            return {"metrics": other.get("metrics") or {}}
        for metric in (document.get("data") or {}).get("metrics") or ():
            key = metric["key"]
            asked = {"run_id": run, "metric_key": key}
            history = self._mlflow("GET", "metrics/get-history", asked).get("metrics") or []
            values = [self._metrics.as_logged(run, key, each["value"]) for each in history]
            logged[key] = {"type": NUMBER, "values": values}
        for key, series in self._metrics.of_run(run).items():
            logged[key] = {
                "type": series[-1]["type"],
                "values": [each["value"] for each in series],
            }
        return {"metrics": logged}

    def _as_event(self, run: str, metric: JsonObject) -> JsonObject:
        """Return the data of an event; a value too large for one becomes an artifact."""
        value = event_value(metric["value"])
        content = value_text(value)
        if content is None:
            return {**metric, "value": value}
        path = f"azureml_metrics/{metric['key']}_{metric['step']}.json"
        self._files.store(run, path, content)
        return {**{k: v for k, v in metric.items() if k != "value"}, "artifact": path}

    # --- tags and properties

    def tags(self, body: JsonObject) -> JsonObject:
        """Set and remove tags; return those that there are."""
        run = self._run(body)
        with self._setting_tags:
            for key, value in (body.get("set") or {}).items():
                if not self._changed_elsewhere(run, "tag", {"key": key, "value": value}):
                    self._mlflow("POST", "runs/set-tag", _tag(run, key, str(value)))
            known = self.show({"run": run})["tags"]
            for key in [key for key in body.get("remove") or () if key in known]:
                if not self._changed_elsewhere(run, "tag", {"key": key, "value": None}):
                    self._mlflow("POST", "runs/delete-tag", {"run_id": run, "key": key})
                del known[key]
        return {"tags": shown_tags(known)}

    def properties(self, body: JsonObject) -> JsonObject:
        """Add properties, which never change; return those that there are."""
        run = self._run(body)
        added = {str(key): str(value) for key, value in (body.get("add") or {}).items()}
        if run != self._context.run_id:
            return {"properties": self._properties_of_other(run, added)}
        for key, value in self._own_facts().add_properties(added).items():
            self._record("property", {"key": key, "value": value})
            self._gateway.change_run(run, "property", {"key": key, "value": value})
        return {"properties": self._facts.document["properties"]}

    def _properties_of_other(self, run: str, added: dict[str, str]) -> JsonObject:
        known: JsonObject = dict(self.show({"run": run}).get("properties") or {})
        for key, value in added.items():
            if known.setdefault(key, value) != value:
                text = f"The property {key!r} is set already, and properties cannot be changed."
                raise RefusalError("INVALID_PARAMETER_VALUE", text)
            if not self._changed_elsewhere(run, "property", {"key": key, "value": value}):
                self._record("property", {"key": key, "value": value, "run": run})
        return known

    # --- files and the workspace

    def files(self, body: JsonObject) -> JsonObject:
        """Return the names of a run's files."""
        return {"files": self._files.names(self._run(body))}

    def environment(self, body: JsonObject) -> JsonObject:
        """Return the environment of the script's own run."""
        del body
        return {
            "environment": self._facts.document.get("environment")
            or self._gateway.own_environment()
        }

    def workspace(self, body: JsonObject) -> JsonObject:
        """Return the workspace of the run."""
        del body
        return self._gateway.workspace()

    def secrets(self, body: JsonObject) -> JsonObject:
        """Read, set, list or delete secrets of the workspace, one by ``name`` or all."""
        name = str(body.get("name") or "")
        path = f"/{quote(name, safe='')}" if name else ""
        method = str(needed(body, "method"))
        status, answer = self._gateway.secrets(method, path, body.get("body"))
        return {"status": status, "body": answer}

    def arm(self, body: JsonObject) -> JsonObject:
        """Send a request to the workspace, with the credentials that the script does not see."""
        method, path = str(needed(body, "method")), str(body.get("path") or "")
        status, answer = self._gateway.arm(method, path, body.get("body"))
        return {"status": status, "body": answer}

    def storage_token(self, body: JsonObject) -> JsonObject:
        """Return a token with which the script reaches datastores that have no secret."""
        del body
        return {"token": self._gateway.storage_token()}

    # ---

    def _run(self, body: JsonObject) -> str:
        return str(body.get("run") or self._context.run_id)

    def _about(self, run: str) -> JsonObject:
        return {} if run == self._context.run_id else {"run": run}

    def _changed_elsewhere(self, run: str, kind: str, data: JsonObject) -> bool:
        """Return whether the data went to a run that the tracking server does not know."""
        if self._is_tracked(run):
            return False
        if self._gateway.change_run(run, kind, data):
            return True
        return self._is_above(run) and self._above.change(run, kind, data)

    def _untracked(self, run: str) -> JsonObject | None:
        """Return a run that the tracking server does not know, if anybody here does."""
        other = self._gateway.other_run(run)
        if other is None and self._is_above(run):
            return self._above.document(run, self._context.experiment)
        return other

    def _is_above(self, run: str) -> bool:
        return run == run_above(self._own_facts())

    def _is_tracked(self, run: str) -> bool:
        if run == self._context.run_id or run in self._tracked:
            return True
        try:
            self._mlflow("GET", "runs/get", {"run_id": run})
        except RefusalError:
            return False
        self._tracked.add(run)
        return True

    def _mlflow(self, method: str, path: str, body: JsonObject) -> JsonObject:
        """Make one of MLflow's calls. Raises ``RefusalError`` for an error in its answer."""
        content = b"" if method == "GET" else json.dumps(body).encode()
        target = f"{API}{path}" + (f"?{urlencode(body)}" if method == "GET" else "")
        reply = self._tracking.answer(
            TrackingCall(method, target, BytesIO(content), len(content), "application/json")
        )
        document = as_document(reply.content)
        if not reply.ok:
            code = str(document.get("error_code") or "INTERNAL_ERROR")
            raise RefusalError(code, str(document.get("message") or f"status {reply.status}"))
        return document


def _tag(run: str, key: str, value: str) -> JsonObject:
    return {"run_id": run, "key": key, "value": value}


def _now_ms() -> int:
    return int(time.time() * 1000)


_VERBS: dict[str, Handler] = {
    "run": RunCalls.show,
    "end": RunCalls.end,
    "cancel": RunCalls.cancel,
    "create-children": RunCalls.create_children,
    "children": RunCalls.children,
    "runs": RunCalls.runs,
    "log": RunCalls.log,
    "metrics": RunCalls.metrics,
    "tags": RunCalls.tags,
    "properties": RunCalls.properties,
    "files": RunCalls.files,
    "environment": RunCalls.environment,
    "workspace": RunCalls.workspace,
    "arm": RunCalls.arm,
    "storageToken": RunCalls.storage_token,
    "secrets": RunCalls.secrets,
}
