"""A sweep as a sweep job of Azure ML: what is sent, and what the service would not do."""

from pathlib import Path

import pytest

from runtime.model.runs import PreparedRun, RunSpec, SourceSnapshot
from runtime.sweeps.native import not_native, sweep_of, sweep_properties, trial_run
from runtime.sweeps.samplers import sampler_of
from runtime.sweeps.space import Expression, bare
from runtime.sweeps.sweep import Policy, Sweep
from runtime.targets.azureml_bodies import job_body, sweep_body

AGENT = '"${AML_AGENT_PYTHON:-python}" aml_agent.pyz run --'
SPACE = {"--lr": Expression("uniform", (0.01, 0.9)), "batch": Expression("choice", (16, 32))}


def sweep(sampling="random", space=None, **options):
    known = {
        "metric": "acc", "goal": "maximize", "max_total": 4, "max_concurrent": 2,
        "max_duration_s": 600, "seed": 7,
    }  # fmt: skip
    return Sweep(space or SPACE, sampling, **(known | options))


def body(made, **changes):
    spec = RunSpec("train.py", Path("/src"), "cpu", "exp", ("--epochs", "3"), **changes)
    command = ("bash", "-c", spec.command) if spec.command else ("train.py", *spec.arguments)
    run = PreparedRun("HD_1", spec, SourceSnapshot("a" * 64, (), Path("/store")), command)
    ids = {"code_id": "/codes/c", "environment_id": "/environments/e", "compute_id": "/computes/k"}
    return sweep_body(job_body(trial_run(run, made), **ids), sweep_properties(made, run))


def test_a_sweep_job_in_full():
    made = sweep(policy=Policy("bandit", 2, 5, slack_factor=0.1))
    assert body(made, variables={"A": "1"}, max_duration_s=90)["properties"] == {
        "jobType": "Sweep",
        "displayName": "HD_1",
        "experimentName": "exp",
        "computeId": "/computes/k",
        "tags": {},
        "properties": {},
        "isArchived": False,
        "searchSpace": {"lr": ["uniform", [0.01, 0.9]], "batch": ["choice", [[16, 32]]]},
        "samplingAlgorithm": {"samplingAlgorithmType": "Random", "seed": 7},
        "objective": {"goal": "Maximize", "primaryMetric": "acc"},
        "limits": {
            "jobLimitsType": "Sweep",
            "maxTotalTrials": 4,
            "maxConcurrentTrials": 2,
            "timeout": "PT600S",
            "trialTimeout": "PT90S",
        },
        "earlyTermination": {
            "policyType": "Bandit",
            "evaluationInterval": 2,
            "delayEvaluation": 5,
            "slackFactor": 0.1,
        },
        "trial": {
            "codeId": "/codes/c",
            "environmentId": "/environments/e",
            "environmentVariables": {"A": "1"},
            "resources": {"instanceCount": 1},
            "command": f"{AGENT} python train.py --epochs 3 --lr '${{{{search_space.lr}}}}'"
            " --batch '${{search_space.batch}}'",
        },
    }


def test_the_service_writes_values_into_the_command_of_a_sweep_job_and_nothing_else():
    line = "python t.py --lr ${{search_space.lr}} --x '${{inputs.x}}'"
    command = body(sweep(style="expressions"), command=line)["properties"]["trial"]["command"]
    assert "${{search_space.lr}}" in command
    assert "${{inputs.x}}" not in command


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        ("grid", {"samplingAlgorithmType": "Grid"}),
        ("bayesian", {"samplingAlgorithmType": "Bayesian"}),
        ("sobol", {"samplingAlgorithmType": "Random", "rule": "Sobol", "seed": 7}),
    ],
)
def test_a_sampling_has_the_words_of_the_service(sampling, expected):
    space = {"a": Expression("choice", (1, 2))}
    properties = body(sweep(sampling, space))["properties"]
    assert properties["samplingAlgorithm"] == expected
    assert properties["limits"]["maxTotalTrials"] == (2 if sampling == "grid" else 4)


@pytest.mark.parametrize("sampling", ["random", "sobol"])
def test_a_seed_gives_the_service_the_same_children(sampling):
    made = sweep(sampling, {**SPACE, "--n": Expression("randint", (100,))})
    there, problems = sweep_of(body(made)["properties"])
    assert problems == []
    for number in range(4):
        here = sampler_of(made).ask(number)
        named = {bare(name): value for name, value in here.items()}
        assert sampler_of(there).ask(number) == named


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy("median_stopping", 1, 3), {"policyType": "MedianStopping"}),
        (
            Policy("truncation_selection", 1, 3, truncation_percentage=20),
            {"policyType": "TruncationSelection", "truncationPercentage": 20},
        ),
        (Policy("bandit", 1, 3, slack_amount=2), {"policyType": "Bandit", "slackAmount": 2}),
    ],
)
def test_a_policy_has_the_words_of_the_service(policy, expected):
    found = body(sweep(policy=policy))["properties"]["earlyTermination"]
    assert found == {"evaluationInterval": 1, "delayEvaluation": 3} | expected


def test_a_sweep_that_resumes_another_is_not_one_of_the_service():
    assert not not_native(sweep())
    assert "resumes no other sweep" in not_native(sweep(resume_from=("HD_0",)))
