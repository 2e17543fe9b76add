"""``RunDetails``, as in azureml.widgets: shows a run as text, in a notebook or a terminal."""

import sys

from runtime.api.run import Run

__all__ = ["RunDetails"]


class RunDetails:
    """The state, metrics and children of a run, as they are when it is shown."""

    def __init__(self, run_instance: Run) -> None:
        self.run = run_instance

    def show(self, render_lib: object = None, widget_settings: object = None) -> None:
        """Print the run and return at once, whether it has ended or not."""
        sys.stdout.write("\n".join(self._lines()) + "\n")

    def get_widget_data(self, widget_settings: object = None) -> dict[str, object]:
        """Return what ``show`` prints as data."""
        return {
            "status": self.run.get_status(),
            "run_id": self.run.id,
            "run_metrics": self.run.get_metrics(),
            "child_runs": [child.id for child in self.run.get_children()],
        }

    def _lines(self) -> list[str]:
        shown = self.get_widget_data()
        lines = [
            f"Run {shown['run_id']} ({self.run.experiment.name}): {shown['status']}",
            f"Details: {self.run.get_portal_url()}",
        ]
        lines += [f"  {name}: {value}" for name, value in self.run.get_metrics().items()]
        lines += [f"  child {child.id}: {child.status}" for child in self.run.get_children()]
        return lines
