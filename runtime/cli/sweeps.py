"""`aml sweep plot`: a sweep as a picture, or small in the terminal."""

from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.load import load
from runtime.cli.session import command_session, refreshed


@click.group()
def sweep() -> None:
    """Draw sweeps. They are submitted with `aml submit` and listed with `aml runs`."""


@sweep.command()
@click.argument("run_id", metavar="RUN")
@click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False), required=False, metavar="[FILE]"
)
def plot(run_id: str, file: Path | None) -> None:
    """Draw a sweep: parallel coordinates, the metric's curves, parameter importance.

    In the terminal each run is a line, best first: its curve, and the place of each parameter
    between the lowest and the highest value. With FILE, the picture is written to it: an SVG, or
    by its ending a PNG.
    """
    session = command_session(None)
    record = refreshed(session, session.history.named(run_id))
    if record.properties.get("runTemplate") != "HyperDrive":
        raise UsageError(
            f"Run {record.run_id} is not a sweep.",
            remedy=f"Draw its metrics: `aml run show {record.run_id} --plot FILE.svg`.",
        )
    load("runtime.cli.run_sweep:show_sweep")(session, record, follows=False, plot=file)
