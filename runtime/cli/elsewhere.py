"""Commands of `az ml`, in its three versions, that there are none of, and what to do instead."""

from typing import Final

__all__ = ["COMMANDS"]

_SERVICES: Final = (
    "Web services are not deployed from here. Serve the model that `aml run download` fetches."
)
_PUBLISHED: Final = (
    "In Python: `PublishedPipeline.list(workspace)`, `.get(workspace, id)`, `Pipeline.publish`."
)
_KUBERNETES: Final = "Clusters of Kubernetes serve models, which is not done from here."
_CLUSTER: Final = (
    "Give its values as options: `aml compute create -n NAME --type amlcompute --size SIZE`."
)
_ATTACH: Final = (
    "Write `aml computetarget attach remote -n NAME …` (or `hdi`, …), which deploys it."
)
_NO_FACTORY: Final = "Leave it out: a DataTransferStep runs on this machine."
_IN_AZURE: Final = "Manage it with Azure's own tools; nothing here reads it."
_KEPT: Final = "Nothing is archived: a version stays as it was registered."
_PRUNE: Final = "Delete runs with `aml runs prune`: by age, state, count or size."

COMMANDS: Final = {
    "ml": "Leave `ml` out: `az ml job create` is `aml job create`.",
    "dataset": "Register data with `aml data create`, or in Python with `Dataset.register`.",
    "datastore": "Declare it in the stack file (`aml:datastores`), or register it in Python, where"
    " `Datastore.upload` and `.download` move files.",
    # --- what stands around `az ml` in scripts
    "configure": "Leave it out: a stack names its workspace. `aml stack select` chooses the stack.",
    "extension": "Leave it out: everything is here already.",
    "group": "Leave it out: `aml up` makes the resource group of the stack file.",
    "workspace": "Declare the workspace in a stack file: `aml init`, then `aml up`. `aml outputs`"
    " shows the deployed one.",
    "component": "Write the component's command in a job file: `aml job create -f FILE`.",
    **dict.fromkeys(
        (
            *("service", "endpoint", "online-endpoint", "online-deployment", "batch-endpoint"),
            *("batch-deployment", "serverless-endpoint", "image", "model deploy"),
            *("model package", "model profile"),
        ),
        _SERVICES,
    ),
    **dict.fromkeys(
        ("registry", "connection", "feature-store", "feature-store-entity", "feature-set"),
        _IN_AZURE,
    ),
    # --- the CLI v2
    "job archive": _PRUNE,
    "job restore": _PRUNE,
    "job validate": "Check it with `aml submit --dry-run FILE`, which sends nothing.",
    "job update": "Add tags with `aml run update -r RUN --add-tag NAME=VALUE`.",
    "job show-services": "Reach what a run listens on with `aml run ports RUN`.",
    "job connect-ssh": "Run a command beside the script with `aml run exec RUN COMMAND`.",
    **{
        f"{group} {verb}": _KEPT
        for group in ("data", "environment", "model")
        for verb in ("archive", "restore", "share")
    },
    "data update": _KEPT,
    "environment update": _KEPT,
    "environment get": "Write `aml environment download -n NAME -d FOLDER`.",
    "model update": "Add tags and properties in Python: `Model(workspace, name).add_tags(…)`.",
    "compute create -f": _CLUSTER,
    "compute create --file": _CLUSTER,
    "compute list-nodes": "Write `aml compute nodes NAME`.",
    "compute list-sizes": "In Python: `AmlCompute.supported_vmsizes(workspace)`.",
    "compute attach -n": _ATTACH,
    "compute attach -f": _ATTACH,
    # --- the CLI v1
    **{
        f"pipeline {verb}": _PUBLISHED
        for verb in ("list", "show", "get", "create", "clone", "enable", "disable", "list-steps")
    },
    "pipeline create-schedule": "Make it with `aml schedule create -f FILE`.",
    "pipeline list-drafts": "Drafts are the studio's; submit the file: `aml submit FILE`.",
    "computetarget attach aks": _KUBERNETES,
    "computetarget attach kubernetes": _KUBERNETES,
    "computetarget create aks": _KUBERNETES,
    "computetarget attach datafactory": _NO_FACTORY,
    "computetarget create datafactory": _NO_FACTORY,
    "run delete": _PRUNE,
    "experiment delete": _PRUNE,
    # --- Workbench's
    "account": "Leave `az account set` out: the stack file says where it goes. For an account of"
    " Workbench, declare the workspace in a stack file: `aml init`, then `aml up`.",
    "asset": "Fetch what a run left with `aml run download RUN`.",
    "notebook": "Run a notebook with `aml v1 run FILE.ipynb`.",
    "experiment cancel": "Cancel the run: `aml run cancel -r RUN`.",
    "experiment status": "Show the run: `aml run show -r RUN`.",
    "experiment monitor": "Follow the run: `aml run monitor-logs -r RUN`.",
    "experiment return": "Outputs come back by themselves; again with `aml run download RUN`.",
    "experiment clean": "Remove built environments with `aml env prune`.",
    "experiment diagnostics": "See the run's log: `aml run logs RUN`.",
    "history list": "Runs are listed by `aml runs`; `aml history` is that of deployments.",
    "history promote": "Register the model: `aml model register`.",
}
"""A command, a group of them, or an option of one, without `az ml` → what to do instead."""


def instead_of(command: str) -> str:
    """Return what to do instead of a command of `az ml`, ``""`` for one that it has not."""
    return COMMANDS.get(command, "")
