"""The runs below a job that the service drives, while it runs."""

from runtime.targets.azureml_children import children_events


def child(name, created, status="Running", **more):
    return {"runId": name, "createdUtc": created, "status": status, **more}


FIRST = child("HD_0", "2026-01-01T00:00:01Z", startTimeUtc="2026-01-01T00:00:02Z",
              tags={"hyperparameters": '{"lr": 1}', "mlflow.runName": "x"})  # fmt: skip


def test_a_child_has_its_state_and_its_own_tags():
    made, running, tag = children_events("HD", [FIRST])
    assert made.kind == "child"
    assert made.data == {"name": "", "parent": "HD", "run": "HD_0"}
    assert (running.kind, running.data["state"]) == ("state", "Running")
    assert tag.data == {"key": "hyperparameters", "value": '{"lr": 1}', "run": "HD_0"}


def test_an_event_has_the_same_number_whenever_it_is_asked_for():
    before = {each.seq: each for each in children_events("HD", [FIRST])}
    ended = FIRST | {"status": "Completed", "endTimeUtc": "2026-01-01T00:00:09Z"}
    second = child("HD_1", "2026-01-01T00:00:03Z", "Queued")
    after = {each.seq: each for each in children_events("HD", [second, ended])}
    assert before.items() <= after.items()
    assert [e.data["state"] for e in after.values() if e.kind == "state"] == [
        "Running",
        "Completed",
    ]


def test_a_step_that_is_reused_names_the_run_that_it_stands_for():
    reused = FIRST | {"properties": {"azureml.reusedrunid": "earlier", "azureml.isreused": "true"}}
    assert ("property", {"key": "azureml.reusedrunid", "value": "earlier", "run": "HD_0"}) in [
        (each.kind, each.data) for each in children_events("HD", [reused])
    ]
