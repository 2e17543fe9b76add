"""The cells of a notebook as people wrote them for the SDK v1: workspace to registered model."""

CELLS = (
    "# markdown\n## Train a model on a cluster",
    "!pip install --upgrade azureml-sdk\n%matplotlib inline",
    """\
import azureml.core
from azureml.core import Workspace, Experiment, Environment, ScriptRunConfig, Webservice
from azureml.core.compute import ComputeTarget, AmlCompute
from azureml.core.compute_target import ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.authentication import InteractiveLoginAuthentication
from azureml.core.webservice import AciWebservice
from azureml.widgets import RunDetails

print("SDK version:", azureml.core.VERSION)""",
    """\
ws = Workspace.from_config(auth=InteractiveLoginAuthentication(tenant_id="common"))
print(ws.name, ws.resource_group, ws.location, ws.subscription_id, sep="\\n")""",
    "experiment = Experiment(workspace=ws, name='train-on-cluster')\nexperiment",
    """\
cluster_name = "cpu-cluster"

try:
    compute_target = ComputeTarget(workspace=ws, name=cluster_name)
    print("Found existing compute target")
except ComputeTargetException:
    print("Creating a new compute target...")
    compute_config = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS3_V2",
                                                           max_nodes=4)
    compute_target = ComputeTarget.create(ws, cluster_name, compute_config)
    compute_target.wait_for_completion(
        show_output=True, min_node_count=None, timeout_in_minutes=20)""",
    "import os\nproject_folder = './sample_project'\nos.makedirs(project_folder, exist_ok=True)",
    """\
%%writefile $project_folder/train.py
import argparse
import os

from azureml.core.run import Run

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=0.5)
args = parser.parse_args()

run = Run.get_context()
for step in range(3):
    run.log("loss", args.alpha / (step + 1))
run.log("accuracy", 0.75)
run.log_table("confusion", {"yes": [1, 2], "no": [3, 4]})

os.makedirs("outputs", exist_ok=True)
with open("outputs/model.txt", "w") as sink:
    sink.write("a model")
print("trained with", args.alpha)
""",
    """\
env = Environment("train-env")
env.python.conda_dependencies = CondaDependencies.create(
    python_version="{python}", pip_packages=[])
src = ScriptRunConfig(source_directory=project_folder,
                      script='train.py',
                      arguments=['--alpha', 0.25],
                      compute_target=compute_target,
                      environment=env)
run = experiment.submit(config=src, tags={'kind': 'sample'})
run""",
    "RunDetails(run).show()",
    "details = run.wait_for_completion(show_output=True)",
    "assert details['status'] == run.get_status() == 'Completed'\nrun.get_file_names()",
    "metrics = run.get_metrics()\nmetrics",
    "print(run.get_details()['runDefinition']['arguments'])",
    """\
model = run.register_model(model_name='sample-model', model_path='outputs/model.txt',
                           tags={'area': 'test'}, properties={'accuracy': metrics['accuracy']})
print(model.name, model.id, model.version, sep='\\t')""",
    """\
print('sample-model' in ws.models, ws.get_default_datastore().name)
[each.id for each in experiment.get_runs(tags={'kind': 'sample'})] == [run.id]""",
    "aci = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1)",
    "print('never reached')",
)
