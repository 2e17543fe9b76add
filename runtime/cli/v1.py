"""`aml v1`: scripts and notebooks of the Python SDK v1, run as they are."""

from pathlib import Path

import click

from runtime.cli.render import print_data, print_text, say
from runtime.v1.running import ScriptError
from runtime.v1.running import run as run_file


@click.group()
def v1() -> None:
    """Run scripts and notebooks of the Python SDK v1 unchanged."""


@v1.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(script: Path, arguments: tuple[str, ...]) -> int:
    """Run a script or notebook of the SDK v1 unchanged.

    SCRIPT is a Python file or a notebook (.ipynb). In it, `azureml` means this product: `from
    azureml.core import Workspace` imports the class of aml_platform. A name that is not
    offered imports and is refused when it is used. A notebook's cells run in their order, up to the
    first error. ARGUMENTS are the script's.
    """
    try:
        return run_file(script, arguments, say=say, show=print_data)
    except ScriptError as error:
        print_text(error.trace, err=True)
        raise
