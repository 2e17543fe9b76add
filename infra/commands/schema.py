"""`aml schema`: the JSON schema of stack files, for editors."""

from pathlib import Path

import click

from infra.spec.schema import schema_text


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write it there; `stacks/stack.schema.json` is where stack files look.",
)
def schema(output: Path | None) -> None:
    """Write the JSON schema of stack files.

    An editor with a YAML language server completes and checks a stack file whose first line is
    `# yaml-language-server: $schema=stack.schema.json`.
    """
    text = schema_text()
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {output}.", err=True)
