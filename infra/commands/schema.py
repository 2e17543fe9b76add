"""`aml schema`: the JSON schema of stack files, for editors."""

from pathlib import Path

import click

from infra.commands import view
from infra.spec.schema import schema_text


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, usually stacks/stack.schema.json. Default: standard output.",
)
def schema(output: Path | None) -> None:
    """Write the JSON schema of stack files.

    Editors with a YAML language server then complete and check every stack file whose first line
    is `# yaml-language-server: $schema=stack.schema.json`.
    """
    text = schema_text()
    if output is None:
        view.print_text(text)
        return
    view.write_text(output, text)
    view.say(f"Wrote {view.short_path(output)}.")
