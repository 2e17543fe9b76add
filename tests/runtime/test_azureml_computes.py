"""The compute of a run: instances that are stopped, queues that are too long."""

import pytest

from infra.contract.errors import UsageError
from runtime.targets.azureml_computes import is_stopped, require_running, waited_too_long

CREATED = 1_800_000_000.0


def compute(kind, state):
    return {"properties": {"computeType": kind, "properties": {"state": state}}}


@pytest.mark.parametrize(
    ("found", "stopped"),
    [
        (compute("ComputeInstance", "Stopped"), True),
        (compute("ComputeInstance", "Stopping"), True),
        (compute("ComputeInstance", "Running"), False),
        (compute("AmlCompute", None), False),
        ({"properties": {"computeType": "Kubernetes", "properties": None}}, False),
        (None, False),
    ],
)
def test_which_computes_are_stopped(found, stopped):
    assert is_stopped(found) is stopped


def test_a_stopped_instance_is_refused_with_the_command_that_starts_it():
    with pytest.raises(UsageError) as refused:
        require_running(compute("ComputeInstance", "Stopped"), "box")
    assert "`aml compute start box`" in refused.value.remedy
    assert "`--start`" in refused.value.remedy


@pytest.mark.parametrize(
    ("status", "limit", "later_s", "late"),
    [
        ("Queued", "60", 89, False),
        ("Queued", "60", 91, True),
        ("Provisioning", "60", 91, True),
        ("Preparing", "60", 91, False),
        ("Running", "60", 91, False),
        ("Queued", None, 10_000, False),
    ],
)
def test_which_jobs_have_waited_too_long(status, limit, later_s, late):
    job = {
        "properties": {"status": status, "properties": {"aml.queueTimeoutSeconds": limit}},
        "systemData": {"createdAt": "2027-01-15T08:00:00Z"},
    }
    assert waited_too_long(job, CREATED + later_s) is late
