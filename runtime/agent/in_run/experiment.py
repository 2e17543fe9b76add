"""``Experiment``: the experiment of the run."""

import typing

from . import connection
from .late import SaysWhatIsThere, refused
from .loading import load
from .run_filters import matching


class Experiment(SaysWhatIsThere):
    """An experiment of the workspace; its runs are those that the run's agent knows."""

    def __init__(self, workspace: object, name: str, **_: object) -> None:
        self._workspace = workspace
        self.name = str(name)

    @property
    def workspace(self) -> typing.Any:
        """The workspace of the run, without a configuration file or a login."""
        if self._workspace is None:
            self._workspace = load("workspace:Workspace")()
        return self._workspace

    @property
    def id(self) -> str:
        return str(connection.call("run")["experiment_id"])

    @property
    def tags(self) -> typing.Dict[str, str]:
        return {}

    def get_runs(
        self,
        type: typing.Optional[str] = None,
        tags: object = None,
        properties: object = None,
        status: typing.Optional[str] = None,
        include_children: bool = False,
    ) -> typing.Iterator[typing.Any]:
        """Yield the experiment's runs, newest first."""
        found = matching(
            connection.call("runs", experiment=self.name)["runs"], type, tags, properties, status
        )
        shown = [each for each in found if include_children or not each["parent"]]
        made = load("run:Run")
        return (made(self, each["id"]) for each in shown)

    def start_logging(self, *_: object, **options: object) -> typing.Any:
        """Start a run below the script's own, which the script logs to and completes."""
        names = [options.get("display_name")]
        made = connection.call("create-children", names=names, run_id=options.get("run_id"))
        return load("run:Run")(self, made["runs"][0]["id"])

    def submit(self, config: object, tags: object = None, **_: object) -> typing.Any:
        raise refused(
            "Experiment.submit",
            "Submit runs from outside, with `aml submit` or `aml v1 run`; create child runs with"
            " Run.child_run.",
        )

    def __repr__(self) -> str:
        return f"Experiment(Name: {self.name})"
