"""Train on a cluster, which is created if it is not there: a submission script of the SDK v1."""

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.runconfig import RunConfiguration

ws = Workspace.from_config()
print(ws.name, ws.resource_group, ws.location, sep="\t")

cluster_name = "cpu"
try:
    compute_target = ComputeTarget(workspace=ws, name=cluster_name)
    print("Found existing cluster, use it.")
except ComputeTargetException:
    compute_config = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS3_V2", max_nodes=2)
    compute_target = ComputeTarget.create(ws, cluster_name, compute_config)
    compute_target.wait_for_completion(show_output=True)

config = RunConfiguration.load(".", "train")
config.target = cluster_name
src = ScriptRunConfig(
    source_directory=".", script="train.py", arguments=["--reg", 0.1], run_config=config
)

run = Experiment(workspace=ws, name="iris").submit(src)
run.wait_for_completion(show_output=True)
print(run.get_metrics())

model = run.register_model(model_name="iris", model_path="outputs/model.pkl")
print(model.name, model.id, model.version, sep="\t")
