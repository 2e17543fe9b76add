"""What `aml run show` prints and draws of a run's metrics: a line of text each, and a picture."""

from collections.abc import Sequence
from pathlib import Path

from runtime.cli.render import print_data, write_picture
from runtime.model.pipelines import PIPELINE_TARGET
from runtime.model.runs import RunRecord
from runtime.pipelines.drawing import as_svg
from runtime.pipelines.past import is_pipeline, pipeline_of_run, steps_of_run
from runtime.studio.curve_picture import line_of, picture
from runtime.studio.run_view import Curve, curves_of
from runtime.submit.parts import events_of
from runtime.submit.session import ProjectSession


def show_curves(session: ProjectSession, record: RunRecord, plot: Path | None) -> None:
    """Print the curves of a run. ``plot`` is a file for them, or for the graph of a pipeline."""
    curves = _curves(session, record)
    for curve in curves:
        if len(curve.points) > 1:
            print_data(f"curve.{curve.name}: {line_of(curve)}")
    if plot is None:
        return
    if record.target == PIPELINE_TARGET and is_pipeline(session, record.run_id):
        pipeline, _ = pipeline_of_run(session, record.run_id)
        states = {each.name: each.state for each in steps_of_run(session, record.run_id)}
        write_picture(plot, as_svg(pipeline, states))
        return
    write_picture(plot, picture(curves, record.display_name or record.run_id))


def _curves(session: ProjectSession, record: RunRecord) -> Sequence[Curve]:
    return curves_of(record, events_of(session.history, record.run_id))
