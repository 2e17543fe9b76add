"""A script of the SDK v1 that builds a pipeline, a sweep and a search, and runs none of them."""

BUILDS = """\
from azureml.core import Workspace, Experiment
from azureml.core.runconfig import RunConfiguration, DEFAULT_CPU_IMAGE, CondaDependencies
from azureml.pipeline.core import Pipeline, PipelineData, PipelineDraft, PipelineParameter
from azureml.pipeline.core import PublishedPipeline
from azureml.pipeline.steps import PythonScriptStep, EstimatorStep
from azureml.train.automl import AutoMLConfig
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import *

ws = Workspace.from_config()
run_config = RunConfiguration()
run_config.environment.docker.enabled = True
run_config.environment.docker.base_image = DEFAULT_CPU_IMAGE
run_config.environment.python.conda_dependencies = CondaDependencies.create(
    conda_packages=["scikit-learn"], pip_packages=["azureml-sdk"])

data = PipelineData("prepped", datastore=None, is_directory=True)
rate = PipelineParameter(name="rate", default_value=0.1)
prepare = PythonScriptStep(
    name="prep", script_name="prep.py", arguments=["--out", data, "--rate", rate],
    outputs=[data], compute_target="cpu", runconfig=run_config, source_directory=".",
    allow_reuse=False)
estimator = Estimator(source_directory=".", entry_script="t.py", compute_target="local",
                      conda_packages=["scikit-learn"], script_params={"--rate": 0.1})
train = EstimatorStep(name="train", estimator=estimator, inputs=[data], compute_target="cpu",
                      estimator_entry_script_arguments=["--in", data])
pipeline = Pipeline(workspace=ws, steps=[prepare, [train]], description="two steps")
print(pipeline.validate())

sweep = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=GridParameterSampling({"--rate": choice(0.01, 0.1)}),
    policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1),
    primary_metric_name="Accuracy", primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=4, max_concurrent_runs=4)
search = AutoMLConfig(task="classification", compute_target="local", label_column_name="y",
                      **{"n_cross_validations": 2})
for config in (pipeline, sweep, search):
    try:
        Experiment(ws, "x").submit(config, show_output=True)
    except Exception as e:
        print(type(e).__name__)
print(PublishedPipeline.list(ws))
PipelineDraft.list(ws)
"""
