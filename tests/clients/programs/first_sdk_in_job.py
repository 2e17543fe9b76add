"""A job whose script uses azureml-core, submitted with azure-ai-ml."""

from account import GROUP, SUBSCRIPTION, WORKSPACE, credential, report
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import AmlCompute, Environment

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
SCRIPT = """
from azureml.core import Run
run = Run.get_context(allow_offline=False)
run.log('accuracy', 0.5)
run.log('accuracy', 0.75)
run.log_row('table', a=1, b=2.5)
run.tag('team', 'ml')
run.add_properties({'stage': 'one'})
open('model.txt', 'w').write('weights')
run.upload_file('outputs/model.txt', 'model.txt')
run.register_model('from-job', model_path='outputs/model.txt')
run.child_run('inner').complete()
run.flush()
print(run.experiment.name, run.get_metrics())
"""
client.compute.begin_create_or_update(
    AmlCompute(name="first", size="STANDARD_DS3_V2", max_instances=1)
).result()
job = client.jobs.create_or_update(
    command(
        command=f'python -c "{SCRIPT}"',
        environment=Environment(
            image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
            conda_file={"dependencies": ["python>=3.11", {"pip": ["azureml-core==1.61.0.post4"]}]},
        ),
        compute="first",
        experiment_name="first-sdk",
    )
)
client.jobs.stream(job.name)
done = client.jobs.get(job.name)
report(
    {
        "status": done.status,
        "team": done.tags.get("team"),
        "name": job.name,
        "property": done.properties.get("stage"),
        "models": [each.name for each in client.models.list()],
    }
)
