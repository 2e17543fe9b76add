"""Unmodified azure-ai-ml: pipelines of functions and of YAML, and schedules of them."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAMS = {"sdk_pipelines": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("sdk_pipelines")


def test_a_pipeline_of_yaml_with_components_runs(observed):
    assert observed["files"] == {
        "state": "Completed",
        "text": ["HELLO"],
        "shown": ["PipelineJob", ["say", "shout"], "jobs"],
        "component": "1",
    }


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("children", dict.fromkeys(["prepared", "below", "tuned", "copied"], "Completed")),
        ("nested", {"trained": "Completed"}),
        ("trials", {"0": "Completed", "1": "Completed"}),
        ("kinds", ["Command", "PipelineJob", "SweepJob"]),
        ("model", ["twoone"]),
        ("best", ["0.75"]),
        ("reused", ["prepared"]),
        ("model of the second", ["twoone"]),
    ],
)
def test_a_pipeline_of_functions_has_pipelines_and_sweeps_in_it(observed, what, expected):
    assert observed["functions"][what] == expected


def test_a_failed_node_fails_the_pipeline_and_what_depends_on_it_does_not_run(observed):
    assert observed["failed"] == ["Failed", True, {"first": "Failed", "free": "Completed"}]


def test_a_canceled_pipeline_cancels_its_nodes(observed):
    assert observed["canceled"] == ["Canceled", {"first": "Canceled"}]


def test_every_problem_of_a_pipeline_is_reported_at_once(observed):
    status, count, says = observed["refused"]
    assert (status, count) == (400, 2)
    assert "Node 'first': The job asks for 7 nodes" in says
    assert "Node 'two': The job asks for 9 nodes" in says


def test_a_schedule_starts_its_pipeline_when_it_is_due(observed):
    assert observed["schedules"] == {
        "triggered": "Completed",
        "started": ["often"],
        "said": ["20"],  # the year of its time, which is an input of the job
        "wrong": True,
        "disabled": False,
    }
