"""``RunConfiguration`` and its relatives as plain values: submitting is done outside a run."""

import typing

from .conda_dependencies import CondaDependencies
from .environment import Environment


class RunConfiguration:
    """How a run is to be executed. Inside a run it can be made and read, not submitted."""

    def __init__(
        self,
        script: typing.Optional[str] = None,
        arguments: typing.Optional[typing.Sequence[str]] = None,
        framework: str = "Python",
        communicator: typing.Optional[str] = None,
        conda_dependencies: typing.Optional[CondaDependencies] = None,
        **_: object,
    ) -> None:
        self.script = script
        self.arguments = list(arguments or ())
        self.framework = framework
        self.communicator = communicator
        self.target = "local"
        self.node_count = 1
        self.environment_variables: typing.Dict[str, str] = {}
        self.environment = Environment()
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies


class ScriptRunConfig:
    """A script and how it is run. Inside a run it can be made and read, not submitted."""

    def __init__(
        self,
        source_directory: str,
        script: typing.Optional[str] = None,
        arguments: typing.Optional[typing.Sequence[str]] = None,
        run_config: typing.Optional[RunConfiguration] = None,
        **options: object,
    ) -> None:
        self.source_directory = source_directory
        self.script = script
        self.arguments = list(arguments or ())
        self.run_config = run_config or RunConfiguration(script, arguments)
        self.options = options
