"""Unmodified azure-ai-ml: failed and canceled jobs, named data, refusals."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

EXPECTED = [
    ("copied", ["1,2"]),
    ("failed", ["Failed", True, True]),
    ("canceled", "Canceled"),
    ("archived", False),
    ("swept", ["Completed", "SweepJob", "NoMetric", "Completed"]),
    ("no compute", ["ResourceNotFoundError", 404, "ComputeNotFound"]),
    ("too many nodes", ["HttpResponseError", 400, "BadRequest"]),
]


PROGRAMS = {"sdk_jobs": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("sdk_jobs")


@pytest.mark.parametrize(("what", "expected"), EXPECTED)
def test_jobs(observed, what, expected):
    assert observed[what] == expected
