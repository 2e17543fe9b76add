"""``Workspace``: the workspace of the run, without a configuration file or a login."""

from . import connection


class Workspace:
    """The run's workspace."""

    @property
    def id(self) -> str:
        return str(connection.call("workspace")["id"])
