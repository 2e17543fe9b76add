"""`aml login`, `aml logout`: where this clone of a project keeps deployment state."""

import shlex

import click

from infra.commands import view
from infra.contract.project import find_project
from infra.deploy.stack import stacks
from infra.deploy.stack.state_location import backend_url

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@click.argument("url", required=False)
@_JSON
def login(url: str | None, *, as_json: bool) -> None:
    """Keep deployment state at URL, for this clone; without URL, show where it is kept.

    URL is azblob://CONTAINER?storage_account=ACCOUNT, or file://FOLDER. The storage account is
    reached by AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or as azure-identity finds (`az login`,
    a managed identity, a pipeline's federated token). For everybody who works on the project,
    write it to Pulumi.yaml instead, as `backend: {url: ...}`.
    """
    project = find_project()
    if url is not None:
        stacks.log_in(project, url)
        command = f"aml stack migrate {shlex.quote(url)}"
        view.say(f"Deployment state is at {url}. `{command}` moves a stack there.")
    else:
        view.say(f"Deployment state is at {backend_url(project)}.")
    if as_json:
        view.print_json({"backend": backend_url(project)})


@click.command()
@_JSON
def logout(*, as_json: bool) -> None:
    """Forget what `aml login` set."""
    project = find_project()
    stacks.log_out(project)
    view.say(f"Deployment state is at {backend_url(project)}.")
    if as_json:
        view.print_json({"backend": backend_url(project)})
