"""Runs of jobs: submitted once, read, canceled, listed and deleted. There are no jobs to repeat."""

import secrets
from html import escape
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route
from localcloud.services.databricks.clusters import find_cluster
from localcloud.services.databricks.engine import DatabricksEngine, in_order, run_folder
from localcloud.services.databricks.libraries import require_libraries
from localcloud.services.databricks.refusals import (
    DatabricksRefusedError,
    absent,
    require_known,
    unsupported,
    wrong,
)
from localcloud.services.databricks.service import USER, Site, SiteCall, number, routes, site_of
from localcloud.services.databricks.states import going
from localcloud.services.databricks.task_kinds import kind_of_task

_KNOWN: Final = (
    "run_name", "tasks", "timeout_seconds", "idempotency_token", "environments",
    "email_notifications", "notification_settings", "webhook_notifications", "health",
    "access_control_list", "run_as", "queue",
)  # fmt: skip
_SINGLE: Final = (
    "existing_cluster_id", "new_cluster", "libraries", "spark_python_task", "notebook_task",
    "python_wheel_task", "spark_jar_task", "spark_submit_task",
)  # fmt: skip
_REFUSED: Final = {"git_source": "Import the files into the workspace."}
_MOST_LOG: Final = 5 << 20
_HIDDEN: Final = "_"


def _submit(on: SiteCall) -> Reply:
    body, engine = on.body, on.call.cloud.engine(DatabricksEngine)
    require_known(body, (*_KNOWN, *_SINGLE), _REFUSED, noun="run")
    with engine.changing:
        token = str(body.get("idempotency_token") or "")
        for run in on.site.all("run") if token else ():
            if run["_local"]["token"] == token:
                return answer({"run_id": run["run_id"]})
        run = _new_run(on.site, body, token)
        engine.submit(on.site, run)
    return answer({"run_id": run["run_id"]})


def _new_run(site: Site, body: Document, token: str) -> JsonObject:
    tasks = list(body.get("tasks") or ())
    if not tasks:  # the form of api 2.0: one task, whose fields are the run's
        tasks = [{name: body[name] for name in _SINGLE if name in body} | {"task_key": "main"}]
    for task in tasks:
        kind_of_task(task)
        require_libraries(task.get("libraries") or ())
        if task.get("existing_cluster_id"):
            find_cluster(site, str(task["existing_cluster_id"]))
    keys = [str(task.get("task_key") or "") for task in tasks]
    if not all(keys) or len(set(keys)) < len(keys):
        raise wrong("Each task needs a task_key of its own.")
    try:
        in_order(tasks)
    except ValueError as error:
        raise wrong(f"The dependencies of these tasks cannot be met: {error}.") from None
    now, run_id = site.milliseconds(), _new_id()
    times = {"start_time": now, "setup_duration": 0, "cleanup_duration": 0}
    url = f"{site.url}/jobs/runs"
    own = [_new_id() for _ in tasks]
    return {
        "job_id": _new_id(),
        "run_id": run_id,
        "original_attempt_run_id": run_id,
        "creator_user_name": USER,
        "run_name": body.get("run_name") or "Untitled",
        "run_page_url": f"{url}/{run_id}",
        "run_type": "SUBMIT_RUN",
        "trigger": "ONE_TIME",
        "format": "MULTI_TASK",
        "timeout_seconds": body.get("timeout_seconds") or 0,
        "tasks": [
            {
                **task,
                **times,
                **going("PENDING"),
                "run_id": number,
                "run_page_url": f"{url}/{number}",
                "attempt_number": 0,
            }
            for task, number in zip(tasks, own, strict=True)
        ],
        **times,
        **going("PENDING"),
        "_local": {
            "token": token,
            "environments": {
                each["environment_key"]: (each.get("spec") or {}).get("dependencies") or []
                for each in body.get("environments") or ()
            },
        },
    }


def _new_id() -> int:
    return secrets.randbelow(9 * 10**14) + 10**14


def _found(on: SiteCall) -> tuple[JsonObject, JsonObject | None]:
    """Return the run that a call is about."""
    return find_run(on.site, on.needed("run_id"))


def find_run(site: Site, wanted: str) -> tuple[JsonObject, JsonObject | None]:
    """Return the run with an id, and the task if the id is that of a task."""
    run = site.get("run", wanted)
    if run is not None:
        return run, None
    for run in site.all("run"):
        for task in run["tasks"]:
            if str(task["run_id"]) == wanted:
                return run, task
    raise DatabricksRefusedError(400, "INVALID_PARAMETER_VALUE", f"Run {wanted} does not exist.")


def _shown(document: Document) -> JsonObject:
    return {key: value for key, value in document.items() if not key.startswith(_HIDDEN)}


def _as_run(run: Document, task: Document | None = None) -> JsonObject:
    tasks = [_shown(each) for each in (run["tasks"] if task is None else [task])]
    shown = _shown(run) if task is None else {**_shown(run), **_shown(task)}
    return {**shown, "tasks": tasks}


def _get(on: SiteCall) -> Reply:
    return answer(_as_run(*_found(on)))


def _output(on: SiteCall) -> Reply:
    run, task = _found(on)
    if task is None:
        if len(run["tasks"]) > 1:
            raise wrong("Retrieving the output of runs with multiple tasks is not supported. "
                        "Retrieve the output of each task's run.")  # fmt: skip
        task = run["tasks"][0]
    outcome = task.get("_outcome") or {}
    document: JsonObject = {"metadata": _as_run(run, task)}
    if task.get("notebook_task"):
        document["notebook_output"] = {"result": outcome.get("result", ""), "truncated": False}
    else:
        logs = "".join(map(_text, task.get("_logs") or ()))
        document |= {"logs": logs[-_MOST_LOG:], "logs_truncated": len(logs) > _MOST_LOG}
    message = outcome.get("error") or task["state"].get("state_message")
    if "end_time" in task and message:
        document |= {"error": message, "error_trace": outcome.get("error_trace", "")}
    return answer(document)


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _run_page(call: Call) -> Reply | None:
    """Return the page that a run's ``run_page_url`` leads to.

    A browser has no token, so that it says how the run is, and not what it printed.
    """
    found = site_of(call.cloud, call.params["site"])
    if found is None:
        return None
    try:
        run, task = find_run(found[0], call.params["run"])
    except DatabricksRefusedError:
        return None
    shown = run if task is None else task
    state = shown["state"]
    outcome = state.get("result_state") or state["life_cycle_state"]
    rows = {
        "Run": call.params["run"],
        "State": outcome,
        "Message": state["state_message"] or "-",
        "Tasks": ", ".join(each["task_key"] for each in run["tasks"]),
        "Output": f"aml run logs {run['run_name']}",
    }
    cells = "".join(f"<tr><th>{key}<td>{escape(str(value))}" for key, value in rows.items())
    title = escape(str(run["run_name"]))
    content = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>body{{font:1rem sans-serif}}th{{text-align:left}}</style><h1>{title}</h1>"
        f"<table>{cells}</table>"
    )
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Reply(200, content.encode(), headers, "text/html; charset=utf-8")


def _cancel(on: SiteCall) -> Reply:
    run, _ = _found(on)
    on.call.cloud.engine(DatabricksEngine).cancel(on.site, run["run_id"])
    return answer({})


def _list(on: SiteCall) -> Reply:
    query = on.call.query
    runs = list(reversed(on.site.all("run")))
    if query.get("active_only", "").lower() == "true":
        runs = [run for run in runs if "end_time" not in run]
    if query.get("completed_only", "").lower() == "true":
        runs = [run for run in runs if "end_time" in run]
    size, start = number(on.call, "limit", 20), number(on.call, "page_token", 0)
    page = [_as_run(run) for run in runs[start : start + size]]
    if query.get("expand_tasks", "").lower() != "true":
        page = [{key: value for key, value in run.items() if key != "tasks"} for run in page]
    more = start + size < len(runs)
    document = {"runs": page, "has_more": more}
    return answer(document | ({"next_page_token": str(start + size)} if more else {}))


def _delete(on: SiteCall) -> Reply:
    run, task = _found(on)
    if task is not None:
        raise absent(f"Run {task['run_id']}")
    if "end_time" not in run:
        raise wrong("Cannot delete an active run; cancel it first.")
    on.site.remove("run", str(run["run_id"]))
    for each in run["tasks"]:
        for file in run_folder(on.site, each["run_id"]).glob("*.log"):
            file.unlink()
    return answer({})


def _refuse(on: SiteCall) -> Reply:
    raise unsupported(on.call.path.partition("/api/")[2], "Submit one-time runs (runs/submit).")


ROUTES: Final = routes(
    (
        ("POST", "/jobs/runs/submit", _submit),
        ("GET", "/jobs/runs/get", _get),
        ("GET", "/jobs/runs/get-output", _output),
        ("GET", "/jobs/runs/list", _list),
        ("POST", "/jobs/runs/cancel", _cancel),
        ("POST", "/jobs/runs/delete", _delete),
        ("*", "/jobs/{rest:path}", _refuse),
    )
)
PAGES: Final = (Route("GET", "/databricks/{site}/jobs/runs/{run}", _run_page, open=True),)
"""What is for browsers."""
