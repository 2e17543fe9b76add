"""The pure parts of starting a job: its command, its variables, the scale of its compute."""

import math
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from localcloud.nodes.cluster import Scale
from localcloud.nodes.jobs import Binding, Job, command_line, script_variables
from localcloud.nodes.scales import scale_of

WS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
JOB = Job(f"{WS}/jobs/j", 1, "j", WS, f"{WS}/computes/c", "", None, "", "exp", "7")


def job(**changes):
    return Job(**{name: getattr(JOB, name) for name in JOB.__slots__} | changes)


def variables(**changes):
    return script_variables(
        job(**changes), url="https://h:1", ca=Path("/ca.pem"), token="t", token_expires=9.0,
        workspace_guid="guid",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python a.py --x ${{inputs.x}}", "python a.py --x 0.1"),
        ("a ${{ inputs.x }} && b", "a 0.1 && b"),
        ("a ${{inputs.data}}/f.csv", "a '/a/with space'/f.csv"),
        ("a ${{outputs.model}}", "a /a/model"),
        ("echo $HOME ${NOT_OURS}", "echo $HOME ${NOT_OURS}"),
    ],
)
def test_placeholders(command, expected) -> None:
    known = job(command=command, inputs=(Binding("x", "literal", value="0.1"),))
    places = {"inputs.data": "/a/with space", "outputs.model": "/a/model"}
    assert command_line(known, places) == expected


def test_a_job_trusts_the_cloud_unless_it_says_what_it_trusts() -> None:
    assert variables()["REQUESTS_CA_BUNDLE"] == variables()["SSL_CERT_FILE"] == "/ca.pem"
    assert variables()["AZUREML_CURRENT_CLOUD"] == "AzureCloud"
    own = {"REQUESTS_CA_BUNDLE": "/own.pem", "AZUREML_CURRENT_CLOUD": "Own"}
    own["SSL_CERT_FILE"] = "/own.pem"
    assert variables(variables=own).items() >= own.items()


def test_an_undeclared_placeholder_is_named() -> None:
    with pytest.raises(UsageError, match=r"inputs\.nothing"):
        command_line(job(command="${{inputs.nothing}}"), {})


def test_a_script_is_given_its_run_and_tracking_server() -> None:
    given = variables()
    assert given["MLFLOW_TRACKING_URI"] == f"https://h:1/mlflow/v2.0{WS}"
    assert given["MLFLOW_RUN_ID"] == given["AZUREML_RUN_ID"] == "j"
    assert given["AZUREML_ARM_PROJECT_NAME"] == given["MLFLOW_EXPERIMENT_NAME"] == "exp"
    assert given["MLFLOW_TRACKING_SERVER_CERT_PATH"] == "/ca.pem"
    assert "NODE_RANK" not in given


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {
                "computeType": "AmlCompute",
                "properties": {
                    "vmPriority": "LowPriority",
                    "scaleSettings": {
                        "minNodeCount": 1, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M",
                    },
                },
            },
            Scale(1, 4, 120.0, low_priority=True),
        ),
        (
            {"computeType": "AmlCompute", "properties": {"scaleSettings": {"maxNodeCount": 1}}},
            Scale(0, 1, 120.0),
        ),
        ({"computeType": "ComputeInstance", "properties": {}}, Scale(1, 1, math.inf, unit="slot")),
        ({"computeType": "Databricks", "properties": None}, None),
    ],
)  # fmt: skip
def test_scale_of_a_compute(properties, expected) -> None:
    assert scale_of(properties) == expected
