"""Sweeps, pipelines and automated machine learning: built and checked, refused when submitted."""

import pytest

from aml_platform import (
    AutoMLConfig,
    BanditPolicy,
    BayesianParameterSampling,
    CommandStep,
    FeaturizationConfig,
    GridParameterSampling,
    HyperDriveConfig,
    MedianStoppingPolicy,
    ParallelRunConfig,
    ParallelRunStep,
    Pipeline,
    PipelineData,
    PrimaryMetricGoal,
    PythonScriptStep,
    RandomParameterSampling,
    RunConfiguration,
    ScheduleRecurrence,
    ScriptRunConfig,
    StepSequence,
    TruncationSelectionPolicy,
    UserErrorException,
    choice,
    lognormal,
    loguniform,
    normal,
    quniform,
    randint,
    uniform,
)

SPACE = {"--rate": loguniform(-6, -1), "--layers": choice(1, 2, 3)}


def sweep(sampling=None, **options):
    options = {"run_config": ScriptRunConfig("."), "max_total_runs": 8} | options
    return HyperDriveConfig(
        hyperparameter_sampling=sampling or RandomParameterSampling(SPACE),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        **options,
    )


@pytest.mark.parametrize("given", [choice(1, 2, 3), choice([1, 2, 3]), choice(range(1, 4))])
def test_choices_may_be_a_list(given):
    assert repr(given) == "choice(1, 2, 3)"


@pytest.mark.parametrize(
    "make",
    [
        choice,
        lambda: randint(0),
        lambda: uniform(2, 1),
        lambda: normal(0, -1),
        lambda: quniform(0, 1, 0),
        lambda: quniform(0, 1, 0.5),
        lambda: RandomParameterSampling({"--rate": 0.1}),
        lambda: GridParameterSampling({"--rate": uniform(0, 1)}),
        lambda: BayesianParameterSampling({"--rate": lognormal(0, 1)}),
        BanditPolicy,
        lambda: BanditPolicy(slack_factor=0),
        lambda: BanditPolicy(slack_factor=0.1, slack_amount=1),
        lambda: TruncationSelectionPolicy(100),
        lambda: MedianStoppingPolicy(evaluation_interval=0),
        lambda: sweep(max_total_runs=0),
        lambda: sweep(run_config=None),
        lambda: sweep(run_config=RunConfiguration()),
        lambda: sweep(
            BayesianParameterSampling({"--rate": uniform(0, 1)}), policy=MedianStoppingPolicy()
        ),
        lambda: ScheduleRecurrence("Year", 1),
        lambda: ScheduleRecurrence("Day", 1, time_of_day="3:00", hours=[3]),
        lambda: PipelineData("a b"),
        lambda: Pipeline(None, ["train.py"]),
    ],
)
def test_values_that_cannot_be_are_refused_at_once(make):
    with pytest.raises(UserErrorException):
        make()


def test_all_problems_of_a_sweep_are_named_at_once():
    with pytest.raises(UserErrorException) as wrong:
        sweep(max_total_runs=2000, run_config=None)
    assert "exactly one of run_config" in wrong.value.detail
    assert "max_total_runs is 1 to 1000" in wrong.value.detail


def test_a_sweep_has_its_values(tmp_path):
    made = sweep(
        policy=BanditPolicy(slack_factor=0.2, evaluation_interval=2), max_duration_minutes=99999
    )
    assert made.policy.slack_factor == 0.2
    assert (made.max_concurrent_runs, made.max_duration_minutes) == (8, 10080)
    assert str(made.source_directory) == "."
    assert "loguniform(-6, -1)" in repr(made)


def test_a_pipeline_has_the_order_of_its_data():
    data = PipelineData("clean", is_directory=True)
    first = PythonScriptStep("prep.py", outputs=[data], arguments=["--out", data])
    second = PythonScriptStep("train.py", inputs=[data.as_mount()], arguments=["--in", data])
    third = CommandStep("echo done", name="last")
    third.run_after(second)
    pipeline = Pipeline(None, [third, [first]])
    assert repr(pipeline) == "Pipeline(steps=[last, prep.py, train.py])"
    assert second.upstream(pipeline.steps) == [first]
    assert data.get_env_variable_name() == "AZUREML_DATAREFERENCE_clean"


def test_a_sequence_is_an_order():
    steps = [PythonScriptStep(f"{n}.py") for n in range(3)]
    StepSequence(steps=[steps[0], steps[1:]])
    assert steps[0].after == []
    assert [each.after for each in steps[1:]] == [[steps[0]]] * 2


def test_steps_that_wait_for_each_other_are_refused():
    one, two = PythonScriptStep("1.py"), PythonScriptStep("2.py")
    one.run_after(two)
    two.run_after(one)
    with pytest.raises(UserErrorException, match=r"wait for each other: 1\.py, 2\.py"):
        Pipeline(None, [one, two])


def test_a_parallel_step_writes_its_output():
    config = ParallelRunConfig(
        environment=None, entry_script="s.py", error_threshold=-1, output_action="append_row",
        compute_target="cpu", node_count=2, mini_batch_size="10",
    )  # fmt: skip
    out = PipelineData("out")
    assert ParallelRunStep("p", config, inputs=["x"], output=out).outputs == [out]


def test_settings_of_automl_are_kept():
    featurization = FeaturizationConfig()
    featurization.add_column_purpose("age", "Numeric")
    featurization.add_drop_columns("id")
    config = AutoMLConfig(task="regression", featurization=featurization, iterations=3)
    assert config.user_settings["iterations"] == 3
    assert (featurization.drop_columns, featurization.column_purposes) == (
        ["id"],
        {"age": "Numeric"},
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (sweep, r"`submit` of a sweep takes no regenerate_outputs"),
        (lambda: AutoMLConfig(task="regression"), r"`submit` of a search takes no regenerate"),
    ],
)
def test_they_are_refused_when_submitted(experiment, make, said):
    with pytest.raises(UserErrorException, match=said):
        experiment.submit(make(), regenerate_outputs=True)
