"""All plugins of one run: found, started when they are needed, ended with it."""

import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime.proto import engine_pb2

from infra.contract.project_file import read_project_file
from infra.contract.provider import Parameterization
from infra.engine.monitor.service import Service
from infra.engine.plugins.connection import Connection
from infra.engine.plugins.locate import command, places
from infra.engine.plugins.process import PluginProcess
from infra.engine.plugins.provider import PluginProvider

_ENGINE: Final = "pulumirpc.Engine"
_SEVERITIES: Final = {
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}

Say = Callable[[str, str, str], None]
"""Reports a line of a plugin: its severity, the text, the URN it is about."""


class PluginHost:
    """Finds and starts plugins for the project at ``root``, whose program is in ``main``.

    What ``plugins.providers`` has in the folder ``without`` is not used.
    """

    def __init__(
        self, root: Path, main: Path, project: str, say: Say, without: Path | None = None
    ) -> None:
        self._main, self._project, self._say = main, project, say
        document = read_project_file(root / "Pulumi.yaml")
        self._places = places(root, document, os.environ, without)
        self._connections: list[Connection] = []
        self._service: Service | None = None
        self._lock = threading.Lock()

    def plugin(
        self,
        package: str,
        version: str,
        parameterization: Parameterization | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> PluginProvider:
        """Return a provider of a package that is not configured yet.

        ``UsageError`` if none is installed. Its process starts when it is first asked.
        """
        argv = command(package, version, self._places)
        variables = {
            theirs: os.environ[ours]
            for ours, theirs in (renamed or {}).items()
            if ours in os.environ
        }
        start = partial(self._start, package, argv, variables)
        name = parameterization.name if parameterization else package

        def fresh() -> Connection:
            connection = Connection(name, start, self._address, parameterization)
            with self._lock:
                self._connections.append(connection)
            return connection

        return PluginProvider(fresh(), fresh)

    def close(self) -> None:
        """End all plugins: each is told to, then all are waited for."""
        for connection in self._connections:
            connection.ask_to_end()
        for connection in self._connections:
            connection.close()
        if self._service is not None:
            self._service.close()

    def _start(self, package: str, argv: list[str], variables: Mapping[str, str]) -> PluginProcess:
        return PluginProcess(
            package,
            argv,
            engine=self._address(),
            folder=self._main,
            variables={"PULUMI_PROJECT": self._project, **variables},
        )

    def _address(self) -> str:
        with self._lock:
            if self._service is None:
                root = engine_pb2.GetRootResourceRequest
                self._service = Service(
                    {
                        _ENGINE: {
                            "Log": (engine_pb2.LogRequest, self._log),
                            "GetRootResource": (
                                root,
                                lambda _: engine_pb2.GetRootResourceResponse(),
                            ),
                        }
                    }
                )
            return self._service.address

    def _log(self, message: Message) -> Message:
        line = engine_pb2.LogRequest()
        line.CopyFrom(message)
        severity = _SEVERITIES.get(line.severity)
        if severity is not None:
            self._say(severity, line.message, line.urn)
        return Empty()
