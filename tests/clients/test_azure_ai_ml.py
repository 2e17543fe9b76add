"""Unmodified azure-ai-ml: a cluster, a script that runs on it, and the results of the run."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

OBSERVED = [
    ("workspace", "westeurope"),
    ("made", ["amlcompute", "Succeeded", 1, "low_priority"]),
    ("changed", 3),
    ("idle", 60.0),
    ("listed", ["sdk"]),
    ("default datastore", "workspaceblobstore"),
    ("no compute", ["ResourceNotFoundError", 404, "ResourceNotFound"]),
    ("left", []),
]
JOB = [
    ("status", "Completed"),
    ("code is reused", True),
    ("files", ["20_image_build_log.txt", "model.txt", "std_log.txt"]),
    ("log", "trained with --rate 0.5\n"),
    ("runs", 2),
]


PROGRAMS = {"second_sdk": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("second_sdk")


@pytest.mark.parametrize(("what", "expected"), OBSERVED)
def test_computes_and_datastores(observed, what, expected):
    assert observed[what] == expected


@pytest.mark.parametrize(("what", "expected"), JOB)
def test_a_job_from_a_folder_to_its_outputs(observed, what, expected):
    assert observed["job"][what] == expected
