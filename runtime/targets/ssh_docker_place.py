"""A container on a machine that is reached over ssh, as the place of a run.

The machine's docker engine is used through a forwarded socket; all else is as with the engine of
this machine.
"""

from pathlib import Path
from typing import Final

from infra.contract.errors import CredentialError, UnreachableError
from infra.contract.json_types import Document
from runtime.targets.docker_engine import Client, NoEngineError
from runtime.targets.docker_place import DockerPlace
from runtime.targets.places import Shipment, Teller
from runtime.targets.ssh_forward import EngineForward
from runtime.targets.ssh_machine import MachineError, machine_of

_ELSEWHERE: Final = "http+unix://"
"""A socket of this machine whose engine is on another."""


class SshDockerPlace(DockerPlace):
    """The container of one run. ``settings`` has also the ``machine``, as its own place has it."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._machine = machine_of(settings["machine"])
        self._forward = EngineForward(self._machine, home)
        host = f"{_ELSEWHERE}{self._forward.path}"
        super().__init__(run_id, {**settings, "host": host}, home)

    def start(self, shipment: Shipment, tell: Teller) -> None:
        """Make the container; a machine or an engine that does not answer fails the run."""
        try:
            self._forward.open()
        except UnreachableError as error:
            raise MachineError(error.detail, remedy=error.remedy) from None
        try:
            super().start(shipment, tell)
        except NoEngineError:
            why = self._forward.reason or "it does not answer"
            raise MachineError(
                f"The docker engine of machine {self._machine.target!r} cannot be used: {why}.",
                remedy=f"Install docker there, and let {self._machine.user} use it:"
                f" `sudo usermod -aG docker {self._machine.user}`. Or run without docker.",
            ) from None

    def close(self) -> None:
        """Close the connections to the engine and the machine."""
        super().close()
        self._forward.close()

    @property
    def _client(self) -> Client:
        try:
            self._forward.open()
        except (CredentialError, MachineError) as error:
            raise UnreachableError(error.detail, remedy=error.remedy) from None
        return super()._client
