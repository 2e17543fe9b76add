"""The ssh target: runs on a machine that is reached over ssh.

A run's carrier holds the connection (``ssh_place``); nothing here connects to a machine.
"""

from pathlib import Path

from runtime.targets.carried import EnterableTarget
from runtime.targets.ssh_machine import Machine


class SshTarget(EnterableTarget):
    """Runs on one machine, with their folders below ``<home>/runs``."""

    def __init__(
        self, name: str, home: Path, machine: Machine, *, manifest: Path, stack: str
    ) -> None:
        super().__init__(name, home, machine.settings(), manifest=manifest, stack=stack)
