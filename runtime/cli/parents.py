"""What submits a file that becomes a parent run: a pipeline."""

from pathlib import Path
from typing import Protocol

from runtime.cli.submit_command import SubmitOptions
from runtime.submit.session import ProjectSession


class ParentFile(Protocol):
    """A file whose runs are below a run of its own."""

    file: Path

    def submit(
        self,
        given: SubmitOptions,
        session: ProjectSession,
        *,
        dry_run: bool,
        wait: bool,
        as_json: bool,
    ) -> None:
        """Submit it with the options of the command line, and follow it."""
