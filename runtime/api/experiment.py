"""``Experiment``, as in azureml-core: submits runs and groups them under a name."""

from collections.abc import Iterator, Mapping

from runtime.api.run import Run
from runtime.api.script_run_config import ScriptRunConfig
from runtime.api.workspace import Workspace
from runtime.history.store import Filter
from runtime.submit.submitting import Submitter

__all__ = ["Experiment"]


class Experiment:
    """A group of runs in one workspace."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name

    def submit(self, config: ScriptRunConfig, tags: Mapping[str, str] | None = None) -> Run:
        """Submit a run and return without waiting for it."""
        session = self.workspace.session
        spec = config.spec(self.name, tags or {})
        target = session.targets.target(spec.target)
        submitter = Submitter(session.home, session.history)
        submitted = submitter.submit(spec, target, stack=session.stack)
        return Run(self, submitted.run.run_id)

    def get_runs(self) -> Iterator[Run]:
        """Yield the experiment's runs, newest first."""
        for record in self.workspace.session.history.each_run(Filter(experiment=self.name)):
            yield Run(self, record.run_id)
