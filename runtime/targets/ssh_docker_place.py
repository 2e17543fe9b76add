"""A container on a machine that is reached over ssh, as the place of a run.

The machine's docker engine is used through a forwarded socket; all else is as with the engine of
this machine.
"""

from pathlib import Path
from typing import Final

from infra.contract.errors import CredentialError, UnreachableError
from infra.contract.json_types import Document
from runtime.model.environments import EnvironmentSpec
from runtime.targets.base import Prepared
from runtime.targets.docker_engine import Client, NoEngineError, open_engine
from runtime.targets.docker_place import DockerPlace
from runtime.targets.docker_target import prepared_image
from runtime.targets.places import Shipment, Teller
from runtime.targets.ssh_forward import EngineForward
from runtime.targets.ssh_machine import Machine, MachineError, machine_of

_ELSEWHERE: Final = "http+unix://"
"""A socket of this machine whose engine is on another."""


def prepare_at(machine: Machine, environment: EnvironmentSpec, home: Path) -> Prepared:
    """Build the image of an environment at a machine, unless it is there."""
    forward = EngineForward(machine, home)
    try:
        forward.open()
        return prepared_image(environment, {"host": f"{_ELSEWHERE}{forward.path}"}, home)
    except NoEngineError:
        raise _no_engine(machine, forward.reason) from None
    finally:
        forward.close()


def require_engine(machine: Machine, home: Path) -> None:
    """Raise ``PlatformError`` unless a machine's docker engine can be used."""
    forward = EngineForward(machine, home)
    try:
        forward.open()
        open_engine({"host": f"{_ELSEWHERE}{forward.path}"}).close()
    except NoEngineError:
        raise _no_engine(machine, forward.reason) from None
    finally:
        forward.close()


def _no_engine(machine: Machine, reason: str) -> MachineError:
    return MachineError(
        f"The docker engine of machine {machine.target!r} cannot be used:"
        f" {reason or 'it does not answer'}.",
        remedy=f"Install docker there, and let {machine.user} use it:"
        f" `sudo usermod -aG docker {machine.user}`. Or run without docker.",
    )


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
            raise _no_engine(self._machine, self._forward.reason) from None

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
