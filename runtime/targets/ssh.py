"""The ssh targets: runs on machines that are reached over ssh, as processes or in containers.

A run's carrier holds the connection (``ssh_place``); nothing here connects to a machine.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from infra.contract.load import load
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import PreparedRun, RunSpec
from runtime.targets.base import Handle, Prepared
from runtime.targets.carried import EnterableTarget
from runtime.targets.ssh_machine import Machine
from runtime.targets.ssh_reach import require_usable

_DOCKER: Final = "runtime.targets.docker_target"
_EXTRA: Final = "docker"


class SshTarget(EnterableTarget):
    """Runs on one machine, with their folders below ``<home>/runs``."""

    def __init__(
        self, name: str, home: Path, machine: Machine, *, manifest: Path, stack: str
    ) -> None:
        super().__init__(name, home, machine.settings(), manifest=manifest, stack=stack)
        self._machine = machine

    def plan(self, spec: RunSpec) -> str:
        """Raise ``PlatformError`` if the machine, or its docker engine, cannot be used now.

        What the environment is there, is known once it has been asked for.
        """
        docker = bool(spec.docker.use)
        require_usable([self._machine], self._home, docker=docker, gpus=spec.gpus)
        return ""

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's carrier and return at once."""
        if run.spec.docker.use:
            run = load(f"{_DOCKER}:contained", extra=_EXTRA)(run, os.environ)
        return super().launch(run)

    def prepare(self, environment: EnvironmentSpec) -> Prepared:
        """Build the image of an environment with the machine's docker engine."""
        build = load("runtime.targets.ssh_docker_place:prepare_at", extra="docker,ssh")
        prepared: Prepared = build(self._machine, environment, self._home)
        return prepared

    def place_of(self, run: PreparedRun) -> Document:
        """Return the machine, or a container of its docker engine."""
        machine = super().place_of(run)
        if not run.spec.docker.use:
            return machine
        container: Document = load(f"{_DOCKER}:container_settings", extra=_EXTRA)(run)
        return {**container, "kind": "ssh-docker", "machine": machine}


class SshNodesTarget(EnterableTarget):
    """Runs on several machines, a node each; ``execute`` and ``connect`` reach the first one."""

    def __init__(
        self, name: str, home: Path, machines: Sequence[Machine], *, manifest: Path, stack: str
    ) -> None:
        place = {"kind": "ssh-nodes", "machines": [each.settings() for each in machines]}
        super().__init__(name, home, place, manifest=manifest, stack=stack)
        self._machines = machines

    def plan(self, spec: RunSpec) -> str:
        """Raise ``PlatformError`` with all machines that cannot be used now."""
        require_usable(self._machines, self._home, gpus=spec.gpus)
        return ""
