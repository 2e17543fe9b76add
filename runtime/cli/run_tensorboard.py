"""`aml run tensorboard`: TensorBoard on the logs of a run, while it runs or later."""

import os
import sys
import tempfile
import webbrowser
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import PlatformError, UnknownNameError, UnreachableError, UsageError
from infra.contract.private import private_folder
from runtime.cli.counted_back import CountedBack
from runtime.cli.ending import ended_by_signals
from runtime.cli.render import print_data, say
from runtime.cli.session import command_session, found, is_part, refreshed
from runtime.model.runs import RunRecord
from runtime.submit.collect import collect
from runtime.submit.parts import mirror_part, part_of
from runtime.submit.session import ProjectSession
from runtime.submit.tensorboard import TensorBoard
from runtime.targets.base import Mirroring

_LOGS: Final = "logs"
_EVERY_S: Final = 5.0
_EVENT_FILES: Final = "*tfevents*"


@click.command(cls=CountedBack)
@click.argument("run_id", metavar="RUN")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen on. Default: 6006, or the next that is free.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def tensorboard(run_id: str, port: int | None, *, no_browser: bool) -> None:
    """Show a run's logs/ in TensorBoard, also while it runs. Ctrl-C ends TensorBoard.

    TensorBoard is the one on PATH, else uv installs it into an environment of its own.
    """
    session = command_session(None)
    record = found(session, session.history.named(run_id))
    _serve(session, record, port, browser=not no_browser, copies=None)


@click.command("monitor-tensorboard", hidden=True)
@click.option("-r", "--run", "run_id", required=True, metavar="RUN")
@click.option("-e", "--experiment-name", "experiment", metavar="NAME")
@click.option("--local-directory", type=click.Path(path_type=Path), metavar="FOLDER")
def monitor_tensorboard(run_id: str, experiment: str | None, local_directory: Path | None) -> None:
    """Show a run's logs/ in TensorBoard, as `az ml run monitor-tensorboard` does."""
    session = command_session(None)
    record = found(session, session.history.named(run_id))
    if experiment not in {None, record.experiment}:
        raise UnknownNameError(
            f"Run {record.run_id} is not one of experiment {experiment!r}.",
            remedy=f"Its experiment is {record.experiment!r}; `-e` can be left out.",
        )
    _serve(session, record, None, browser=True, copies=local_directory)


def _serve(
    session: ProjectSession,
    record: RunRecord,
    port: int | None,
    *,
    browser: bool,
    copies: Path | None,
) -> None:
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        kept = tempfile.TemporaryDirectory(prefix="aml-tensorboard-")
        logs = _Logs(session, record, copies or Path(stack.enter_context(kept)))
        folder = logs.update()
        board = stack.enter_context(closing(TensorBoard(folder, port, os.environ)))
        print_data(board.address)
        if not any(folder.rglob(_EVENT_FILES)):
            say(f"There are no event files in the run's {_LOGS}/ yet.")
        say("TensorBoard runs until you press Ctrl-C.")
        if browser and sys.stdout.isatty():
            webbrowser.open(board.address)
        try:
            while not board.wait(_EVERY_S):
                logs.update()
        except KeyboardInterrupt:
            say("Stopped TensorBoard.")


class _Logs:
    """The folder with a run's logs. Copies, where it has to be copies, are in ``into``."""

    def __init__(self, session: ProjectSession, record: RunRecord, into: Path) -> None:
        self._session = session
        self._run_id = record.run_id
        self._into = into
        self._complete: Path | None = None
        self._warned = False

    def update(self) -> Path:
        """Return the folder; bring it up to date while the run goes on."""
        if self._complete is not None:
            return self._complete
        record = self._record()
        folder = self._collected(record) or self._mirrored(record)
        if record.state.final:
            self._complete = folder
        return folder

    def _record(self) -> RunRecord:
        if self._session.history.has(self._run_id):
            return refreshed(self._session, self._run_id, warn=self._warn)
        return part_of(self._session, self._run_id, self._warn)

    def _collected(self, record: RunRecord) -> Path | None:
        """Return the collected logs of a run that has ended."""
        folder = Path(record.outputs or "") / _LOGS
        kept = record.state.final and record.outputs is not None and folder.is_dir()
        # A folder that is shown already goes on being shown.
        return folder if kept and not any(self._into.glob("*")) else None

    def _mirrored(self, record: RunRecord) -> Path:
        session = self._session
        target = session.target_of(record)
        try:
            if is_part(session, record):
                return mirror_part(session, record, _LOGS, self._into)
            if isinstance(target, Mirroring):
                return target.mirror(session.handle_of(record), _LOGS, self._into)
        except UnreachableError as error:
            self._warn(error)
            return self._into
        if not record.state.final:
            raise UsageError(
                f"The logs of a run on {target.name!r} cannot be read while it runs.",
                remedy=f"Wait for its end with `aml run logs -f {record.run_id}`.",
            )
        collect(session.history, target, record.run_id, session.home, report=say)
        return private_folder(session.home / "outputs" / record.run_id / _LOGS)

    def _warn(self, error: PlatformError) -> None:
        if not self._warned:
            say(f"note: {error.detail} Showing what was read so far.")
        self._warned = True
