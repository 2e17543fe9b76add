"""Plugins of a run, loaded with the first resource whose package this product does not have."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.contract.load import load
from infra.contract.project import PROGRAM
from infra.contract.provider import Parameterization, Provider
from infra.engine.deployment.session import Severity
from infra.engine.model.events import Listener, Message

OWN_PLUGIN: Final = PROGRAM / "plugin"
"""The folder of this product's provider as a plugin of the Pulumi CLI."""
_HOST: Final = "infra.engine.plugins.host:PluginHost"
_LEVELS: Final[dict[str, Severity]] = {"info": "info", "warning": "warning", "error": "error"}


class Plugins:
    """A ``PluginSource``. ``close`` ends the processes that were started.

    ``own``: the provider of this product is in this process already, so that its plugin, which is
    for the Pulumi CLI, is not used.
    """

    def __init__(
        self, root: Path, main: Path, project: str, listener: Listener, *, own: bool = True
    ) -> None:
        self._of = root, main, project
        self._without = OWN_PLUGIN if own else None
        self._listener = listener
        self._host: Any = None
        self._lock = threading.Lock()

    def plugin(
        self,
        package: str,
        version: str,
        parameterization: Parameterization | None,
        renamed: Mapping[str, str],
        /,
    ) -> Provider:
        with self._lock:
            if self._host is None:
                self._host = load(_HOST, extra="infra")(*self._of, self._say, self._without)
        provider: Provider = self._host.plugin(package, version, parameterization, renamed)
        return provider

    def close(self) -> None:
        if self._host is not None:
            self._host.close()

    def _say(self, severity: str, text: str, urn: str) -> None:
        self._listener(Message(_LEVELS[severity], text, urn))
