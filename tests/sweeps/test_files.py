"""The files that define sweeps: HyperDrive's, and sweep jobs of CLI v2."""

import pytest

from infra.contract.errors import DefinitionError, UnknownNameError, UsageError
from runtime.sweeps.hdconfig import find_hdconfig, read_hdconfig
from runtime.sweeps.job_file import read_sweep_job
from runtime.sweeps.space import Expression
from runtime.sweeps.sweep import Policy

HYPERDRIVE = """\
sampling:
    type: Random
    parameter_space:
    - name: --penalty
      expression: choice
      values: [0.5, 1, 1.5]
    - name: lr
      expression: uniform
      values: [0.1, 1]
policy:
    type: BanditPolicy
    evaluation_interval: 2
    slack_factor: 0.2
primary_metric_name: Test accuracy
primary_metric_goal: maximize
max_total_runs: 8
max_concurrent_runs: 2
max_duration_minutes: 100
"""
SWEEP = """\
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
trial:
  code: src
  command: >-
    python main.py --lr ${{search_space.lr}} --data ${{inputs.data}}
  environment: azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest
inputs:
  data: {type: uri_file, path: https://a.example/iris.csv}
compute: azureml:cpu-cluster
sampling_algorithm: random
search_space:
  lr: {type: uniform, min_value: 0.01, max_value: 0.9}
  boost: {type: choice, values: [gbdt, dart]}
objective: {goal: minimize, primary_metric: test-multi_logloss}
limits: {max_total_trials: 20, max_concurrent_trials: 10, timeout: 7200}
early_termination: {type: bandit, slack_factor: 0.1, evaluation_interval: 1}
display_name: lightgbm
experiment_name: lightgbm
description: Run a sweep.
"""
OLD = "type: sweep\nalgorithm: random\nmax_total_trials: 4\n"


def read(reader, tmp_path, text):
    (tmp_path / "src").mkdir(exist_ok=True)
    file = tmp_path / "sweep.yml"
    file.write_text(text, encoding="utf-8")
    return reader(file)


def refusal(reader, tmp_path, text):
    with pytest.raises(DefinitionError) as raised:
        read(reader, tmp_path, text)
    return f"{raised.value.at} {raised.value.detail} {raised.value.remedy}"


def test_a_hyperdrive_file_is_read_whatever_the_case_of_its_words(tmp_path):
    sweep = read(read_hdconfig, tmp_path, HYPERDRIVE)
    assert sweep.space == {
        "--penalty": Expression("choice", (0.5, 1, 1.5)),
        "lr": Expression("uniform", (0.1, 1)),
    }
    assert (sweep.sampling, sweep.metric, sweep.goal) == ("random", "Test accuracy", "maximize")
    assert (sweep.max_total, sweep.max_concurrent, sweep.max_duration_s) == (8, 2, 6000)
    assert sweep.policy == Policy("bandit", 2, slack_factor=0.2)


def test_a_hyperdrive_file_without_a_policy_or_limits_has_their_defaults(tmp_path):
    text = HYPERDRIVE[: HYPERDRIVE.index("policy")] + HYPERDRIVE[HYPERDRIVE.index("primary") :]
    text = text.replace("max_concurrent_runs: 2\nmax_duration_minutes: 100\n", "")
    sweep = read(read_hdconfig, tmp_path, text)
    assert (sweep.policy, sweep.max_concurrent, sweep.max_duration_s) == (None, 8, 604800)


@pytest.mark.parametrize("word", ["NoTerminationPolicy", "MedianStoppingPolicy"])
def test_policies_of_a_hyperdrive_file_are_known_by_their_class(tmp_path, word):
    text = HYPERDRIVE.replace("BanditPolicy", word).replace("    slack_factor: 0.2\n", "")
    policy = read(read_hdconfig, tmp_path, text).policy
    assert (policy and policy.kind) == ("median_stopping" if word.startswith("Median") else None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: Random", "kind: x", "It has no `sampling.type`"),
        ("type: Random", "type: Rando", "Did you mean 'random'"),
        ("choice", "choise", "There is no expression 'choise'. Did you mean 'choice'"),
        ("[0.1, 1]", "[1]", "uniform takes 2 values (min_value, max_value), not 1"),
        ("uniform\n      values: [0.1, 1]", "quniform\n      values: [0, 1, 0.5]", "whole ones"),
        ("name: lr", "name: --penalty", "The parameter '--penalty' appears twice"),
        ("slack_factor: 0.2", "delay_evaluation: 1", "provide a slack factor or slack amount"),
        ("BanditPolicy", "BandidPolicy", "Did you mean 'BanditPolicy'"),
        ("goal: maximize", "goal: maximise", "Did you mean 'maximize'"),
        ("max_total_runs: 8", "max_total_runs: 1001", "sweep.yml:16 max_total_runs is 1 to 1000"),
        ("max_total_runs: 8", "max_total_run: 8", "Did you mean `max_total_runs`"),
        ("type: Random", "type: grid", "sweep.yml:7 lr is uniform; grid sampling takes choice"),
        ("name: lr", "name: penalty", "penalty is the same parameter as --penalty"),
        ("name: lr", "name: --", "'--' is no name of a parameter"),
        ("BanditPolicy", "MedianStoppingPolicy", "`slack_factor` is no key of this policy"),
    ],
)
def test_what_a_hyperdrive_file_has_wrong_is_said_with_its_line(tmp_path, old, new, said):
    assert said in refusal(read_hdconfig, tmp_path, HYPERDRIVE.replace(old, new))


def test_all_problems_of_a_hyperdrive_file_are_said_at_once(tmp_path):
    text = HYPERDRIVE.replace("choice", "choise").replace("maximize", "up")
    text = text.replace("max_total_runs: 8", "max_total_runs: 4000")
    said = refusal(read_hdconfig, tmp_path, text)
    assert all(each in said for each in ("choise", "primary_metric_goal", "1 to 1000")), said
    said = refusal(read_hdconfig, tmp_path, text.replace("type: Random", "type: bayesian"))
    assert "takes no early termination policy" in said


def test_all_problems_of_a_sweep_job_are_said_at_once(tmp_path):
    text = USED.replace("minimize", "less").replace(
        "max_total_trials: 20", "max_total_trials: 2000"
    )
    text = text.replace("min_value: 0.01", "min_value: 1").replace("random", "grid", 1)
    text = text.replace("bandit, slack_factor: 0.1", "bandit, slack_factor: 0.1, slack_amount: 1")
    said = refusal(read_sweep_job, tmp_path, text)
    wanted = ("objective.goal", "1 to 1000", "goes from 1", "and not both")
    assert all(each in said for each in wanted), said
    assert "has no parameters" not in said


def test_a_hyperdrive_file_is_found_by_the_end_of_its_name(tmp_path):
    (tmp_path / "config").mkdir()
    wanted = tmp_path / "config" / "my_hdconfig.yml"
    wanted.touch()
    assert find_hdconfig("hdconfig.yml", tmp_path) == wanted
    exact = tmp_path / "config" / "hdconfig.yml"
    exact.touch()
    assert find_hdconfig("hdconfig.yml", tmp_path) == exact
    (tmp_path / "hdconfig.yml").touch()
    assert find_hdconfig("hdconfig.yml", tmp_path) == tmp_path / "hdconfig.yml"
    with pytest.raises(UsageError, match=r"Several files end with 'config\.yml'"):
        find_hdconfig("config.yml", tmp_path)
    with pytest.raises(UnknownNameError, match="no HyperDrive configuration 'other'"):
        find_hdconfig("other", tmp_path)


# --- sweep jobs


def test_a_sweep_job_is_a_sweep_of_a_command_job(tmp_path):
    job = read(read_sweep_job, tmp_path, USED)
    sweep, trial = job.sweep, job.trial
    assert sweep.space == {
        "lr": Expression("uniform", (0.01, 0.9)),
        "boost": Expression("choice", ("gbdt", "dart")),
    }
    assert (sweep.metric, sweep.goal, sweep.style) == (
        *("test-multi_logloss", "minimize", "expressions"),
    )
    assert (sweep.max_total, sweep.max_concurrent, sweep.max_duration_s) == (20, 10, 7200)
    assert sweep.policy == Policy("bandit", 1, slack_factor=0.1)
    assert trial.target == "cpu-cluster"
    assert trial.spec.source_directory == tmp_path / "src"
    assert "--lr ${{search_space.lr}} --boost ${{search_space.boost}}" in trial.spec.command
    assert '"${AZUREML_DATAREFERENCE_data}"' in trial.spec.command
    assert (trial.spec.display_name, trial.spec.experiment) == ("lightgbm", "lightgbm")


USED = SWEEP.replace("--data", "--boost ${{search_space.boost}} --data")


@pytest.mark.parametrize(
    ("given", "sampling", "seed"),
    [
        ("grid", "grid", None),
        ("{type: random, seed: 3, rule: sobol}", "sobol", 3),
        ("{type: random, rule: random}", "random", None),
    ],
)
def test_a_sampling_is_a_word_or_a_map(tmp_path, given, sampling, seed):
    text = USED.replace("sampling_algorithm: random", f"sampling_algorithm: {given}")
    text = text.replace(
        "{type: uniform, min_value: 0.01, max_value: 0.9}", "{type: choice, values: [1]}"
    )
    sweep = read(read_sweep_job, tmp_path, text).sweep
    assert (sweep.sampling, sweep.seed) == (sampling, seed)


def test_a_trial_has_its_time_limit(tmp_path):
    text = USED.replace("timeout: 7200", "timeout: 7200, trial_timeout: 60")
    assert read(read_sweep_job, tmp_path, text).trial.spec.max_duration_s == 60


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("objective:", "objectives:", "no key `objectives`. Did you mean `objective`?"),
        ("objective:", "display:", "It is a sweep job, and has no `objective`"),
        ("uniform", "unifrom", "has the type 'unifrom'. Did you mean 'uniform'"),
        (", max_value: 0.9", "", "`search_space.lr` is uniform, and has no `max_value`"),
        ("  code: src", "  cod: src", "no key `trial.cod`. Did you mean `code`?"),
        ("type: sweep\n", OLD, "`algorithm` is a key of the preview of 2021"),
        ("type: sweep\n", OLD, "Write `limits: {max_total_trials: N}`"),
        ("type: bandit", "type: bandid", "Did you mean 'bandit'"),
        ("slack_factor: 0.1", "slack_factor: -1", "slack_factor is -1; it is above 0"),
        ("goal: minimize", "goal: less", "`objective.goal` is 'less'"),
        ("min_value: 0.01", "min_value: 1", "uniform goes from 1 to 0.9"),
        ("--boost ${{search_space.boost}}", "", "does not use `search_space.boost`"),
        ("search_space.lr", "search_space.rl", "no meaning here. Did you mean 'lr'"),
        ("type: bandit", "type: median_stopping", "`slack_factor` is no key of this policy"),
        ("max_total_trials: 20", "max_total_trials: 2000", "max_total_trials is 1 to 1000"),
        ("timeout: 7200", "timeout: 2h", "`limits.timeout` is '2h', not a whole number"),
        ("timeout: 7200", "trial_timeout: 2h", "`limits.trial_timeout` is '2h', not a whole"),
        ("timeout: 7200", "trial_timeout: 0", "`limits.trial_timeout` is 0."),
        ("max_total_trials: 20", "max_total_trials: ten", "`limits.max_total_trials` is 'ten'"),
        (": random", ": {type: random, seed: x}", "`sampling_algorithm.seed` is 'x', not a whole"),
        ("slack_factor: 0.1", "slack_factor: a bit", "slack_factor` is 'a bit', not a number"),
        ("min_value: 0.01", "min_value: low", "lr.min_value` is 'low', not a number"),
        (": random", ": grid", "lr is uniform; grid sampling takes choice"),
    ],
)
def test_what_a_sweep_job_has_wrong_is_said(tmp_path, old, new, said):
    assert said in refusal(read_sweep_job, tmp_path, USED.replace(old, new))


def test_what_is_wrong_with_keys_space_and_trial_is_said_at_once(tmp_path):
    text = USED.replace("objective:", "objectives:").replace("uniform", "unifrom")
    said = refusal(read_sweep_job, tmp_path, text.replace("search_space.lr", "search_space.rl"))
    for each in ("no key `objectives`", "has the type 'unifrom'", "no meaning here"):
        assert each in said


def test_a_parameter_that_is_wrong_may_be_used_all_the_same(tmp_path):
    said = refusal(read_sweep_job, tmp_path, USED.replace("uniform", "unifrom"))
    assert "no meaning here" not in said


def test_a_component_as_trial_is_refused(tmp_path):
    text = USED[: USED.index("trial:")] + "trial: ./train.yml\n" + USED[USED.index("inputs:") :]
    assert "'./train.yml', a component" in refusal(read_sweep_job, tmp_path, text)
