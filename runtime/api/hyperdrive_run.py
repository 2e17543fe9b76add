"""``HyperDriveRun``, as in azureml-train-core: a sweep seen from outside, and its best run."""

import json
from collections.abc import Sequence

from runtime.api.run import Run, run_of
from runtime.api.runs.base import ParentExperiment
from runtime.model.states import RunState
from runtime.sweeps.project import results_of
from runtime.sweeps.results import Results, Trial

__all__ = ["HyperDriveRun", "HyperDriveStepRun"]
_LEFT_OUT = {
    "include_failed": RunState.FAILED,
    "include_canceled": RunState.CANCELED,
}


class HyperDriveRun(Run):
    """The parent run of a sweep. Its children are runs of their own."""

    def __init__(
        self,
        experiment: ParentExperiment,
        run_id: str,
        hyperdrive_config: object = None,
        **options: object,
    ) -> None:
        super().__init__(experiment, run_id, **options)
        self.hyperdrive_config = hyperdrive_config

    @property
    def type(self) -> str:
        """The type of the run in Azure ML's words."""
        return "hyperdrive"

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Run | None:
        """Return the run with the best value ever logged, ``None`` if none logged the metric.

        Of runs with the same value, it is the first one. Runs of the sweeps that this one resumes
        are among them unless ``include_resume_from_runs`` is false.
        """
        left_out = {
            _LEFT_OUT[name]
            for name, included in (
                ("include_failed", include_failed),
                ("include_canceled", include_canceled),
            )
            if not included
        }
        results = self._results(resumed=include_resume_from_runs)
        for trial in results.trials:
            if results.best(trial) is not None and trial.state not in left_out:
                return run_of(self.experiment, trial.id)
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, object]]:
        """Return the children, best first; at most ``top``, if it is not 0.

        Each has ``run_id``, ``hyperparameters`` (JSON), ``best_primary_metric`` and ``status``.
        ``reverse`` starts with the worst; ``discard_no_metric`` leaves out those without a value.
        """
        results = self._results()
        rows: list[dict[str, object]] = [
            {
                "run_id": trial.id,
                "hyperparameters": _text(trial),
                "best_primary_metric": results.best(trial),
                "status": str(trial.state),
            }
            for trial in results.trials
            if not discard_no_metric or results.best(trial) is not None
        ]
        rows = rows[::-1] if reverse else rows
        return rows[:top] if top else rows

    def get_hyperparameters(self) -> dict[str, str]:
        """Return the values of each child as JSON, by its id."""
        return {trial.id: _text(trial) for trial in self._by_number()}

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> dict[str, object]:
        """Return the metrics of each child, by its id; only those called ``name`` if given."""
        del recursive, run_type, populate
        return {
            trial.id: run_of(self.experiment, trial.id).get_metrics(name)
            for trial in self._by_number()
        }

    def _by_number(self) -> Sequence[Trial]:
        return sorted(self._results().trials, key=lambda trial: trial.number)

    def _results(self, *, resumed: bool = False) -> Results:
        self._refreshed()
        return results_of(self._session.history, self._record, resumed=resumed)


class HyperDriveStepRun(HyperDriveRun):
    """The sweep of a step: ``step_run`` is its run, from ``PipelineRun.find_step_run``."""

    def __init__(self, step_run: Run) -> None:
        super().__init__(step_run.experiment, step_run.id)


def _text(trial: Trial) -> str:
    return json.dumps(dict(trial.assignment))
