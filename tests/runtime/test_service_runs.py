"""What Microsoft's SDK told the workspace is read back as events, from answers like Azure's."""

import pytest

from runtime.model.runs import RunEvent
from runtime.targets.service_runs import Service, past_the_agent

AT, LATER = "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:01Z"
FILE = "aml://artifactId/ExperimentRun/dcid.r/"


def row(data, at=AT):
    return {"createdUtc": at, "data": data}


def service(typed=(), numbers=(), children=()):
    """Return a service with metrics of run ``r``: typed ones as (name, kind, rows)."""
    known = {name: (kind, rows) for name, kind, rows in typed}

    def ask(path, params):
        if params["run_id"] != "r":
            return {}
        values = [{"key": key, "value": value, "timestamp": 1} for key, value in numbers]
        if path == "runs/get":
            return {"run": {"data": {"metrics": values}}}
        return {"metrics": [each for each in values if each["key"] == params["metric_key"]]}

    def post(path, body):
        run, _, verb = path.partition("/")
        if run != "r":
            return {}
        if verb == "list":
            return {"value": [{"metricKey": {"name": name}} for name in known]}
        kind, rows = known[body["metricName"]]
        page = int(body.get("continuationToken") or 0)
        following = str(page + 1) if page + 1 < len(rows) else None
        properties = {"uxMetricType": f"azureml.{kind}"}
        return {
            "properties": properties,
            "value": [rows[page]],
            "continuationToken": following,
        }

    return Service(ask, post, lambda run: children if run == "r" else ())


TYPED = [
    ("v1.scalar", [row({"m": "abc"})], [{"type": "text", "value": "abc"}]),
    ("v1.list", [row({"m": 1}), row({"m": 2})], [{"type": "list", "value": [1, 2]}]),
    ("v1.table", [row({"a": 1, "b": 2})], [{"type": "row", "value": {"a": 1, "b": 2}}]),
    (
        "v1.table",
        [row({"a": 1}), row({"a": 2, "b": 3})],
        [{"type": "table", "value": {"a": [1, 2], "b": [None, 3]}}],
    ),
    (
        "v1.table",
        [row({"a": 1}), row({"a": 2}, LATER)],
        [{"type": "row", "value": {"a": 1}}, {"type": "row", "value": {"a": 2}}],
    ),
    ("v2.image", [row({"m": f"{FILE}pic.png"})], [{"type": "image", "value": "pic.png"}]),
    (
        "v2.residuals",
        [row({"m": f"{FILE}folder/m"})],
        [{"type": "residuals", "artifact": "folder/m"}],
    ),
    ("v3.new", [row({"m": 1})], [{"type": "text", "value": "1"}]),
]


@pytest.mark.parametrize(("kind", "rows", "expected"), TYPED)
def test_metrics_keep_the_type_they_were_logged_with(kind, rows, expected):
    events = past_the_agent(service([("m", kind, rows)]), {}, "r", [])
    assert [event.data for event in events] == [{"key": "m", "step": 0, **e} for e in expected]
    assert [event.seq for event in events] == [1_000_000 + n for n in range(len(expected))]


def test_what_the_agent_has_reported_is_not_told_again():
    told = [
        RunEvent(0, 1.0, "metric", {"key": "loss", "value": 1}, "agent"),
        RunEvent(1, 1.0, "metric", {"key": "m", "type": "text", "value": "b"}, "agent"),
        RunEvent(2, 1.0, "tag", {"key": "team", "value": None}, "agent"),
        RunEvent(3, 1.0, "child", {"run": "c", "name": "c", "parent": "r"}, "agent"),
    ]
    typed = [("m", "v1.scalar", [row({"m": "a"})])]
    asked = service(typed, [("loss", 1.0)], [{"runId": "c"}])
    assert past_the_agent(asked, {"tags": {"team": "ml"}}, "r", told) == []


def test_tags_and_properties_of_scripts_are_told():
    run = {
        "endTimeUtc": LATER,
        "tags": {"team": "ml", "mlflow.runName": "r"},
        "properties": {"p": "1", "azureml.git.commit": "0"},
    }
    tag, prop = past_the_agent(service(), run, "r", [])
    assert (tag.kind, tag.data) == ("tag", {"key": "team", "value": "ml"})
    assert (prop.kind, prop.data) == ("property", {"key": "p", "value": "1"})


def test_runs_below_are_told_once_with_what_they_have():
    child = {
        "runId": "c",
        "displayName": "r>kid",
        "status": "Completed",
        "tags": {"a": "b"},
        "createdUtc": AT,
    }
    events = past_the_agent(service(children=[child, child]), {}, "r", [])
    assert [(event.kind, event.data) for event in events] == [
        ("child", {"run": "c", "name": "kid", "parent": "r"}),
        ("tag", {"key": "a", "value": "b", "run": "c"}),
        ("state", {"state": "Completed", "run": "c"}),
    ]


def test_a_child_that_nobody_saw_running_has_its_times_and_what_it_stands_for():
    child = {
        "runId": "c",
        "status": "Completed",
        "createdUtc": "2026-01-01T00:00:00Z",
        "startTimeUtc": "2026-01-01T00:00:05Z",
        "endTimeUtc": "2026-01-01T00:00:09Z",
        "properties": {"azureml.reusedrunid": "earlier"},
    }
    told = past_the_agent(service(children=[child]), {}, "r", [])
    assert [each.data["state"] for each in told if each.kind == "state"] == ["Running", "Completed"]
    (reused,) = (each.data for each in told if each.kind == "property")
    assert (reused["key"], reused["value"]) == ("azureml.reusedrunid", "earlier")
