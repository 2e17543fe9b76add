"""`aml run tensorboard`: TensorBoard on the logs of runs, while they run or later."""

import fnmatch
import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
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
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen on. Default: 6006, or the next that is free.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def tensorboard(run_ids: tuple[str, ...], port: int | None, *, no_browser: bool) -> None:
    """Show the logs/ of runs in TensorBoard, also while they run. Ctrl-C ends TensorBoard.

    Of a sweep or a pipeline, those of its runs are shown beside each other. TensorBoard is the one
    on PATH, else uv installs it into an environment of its own.
    """
    session = command_session(None)
    _serve(session, _named(session, run_ids), port, browser=not no_browser, copies=None)


@click.command("monitor-tensorboard", hidden=True)
@click.option("-r", "--run", "run_ids", required=True, multiple=True, metavar="RUN")
@click.option("-e", "--experiment-name", "experiment", metavar="NAME")
@click.option("--local-directory", type=click.Path(path_type=Path), metavar="FOLDER")
def monitor_tensorboard(
    run_ids: tuple[str, ...], experiment: str | None, local_directory: Path | None
) -> None:
    """Show a run's logs/ in TensorBoard, as `az ml run monitor-tensorboard` does."""
    session = command_session(None)
    records = _named(session, run_ids)
    for record in records:
        if experiment not in {None, record.experiment}:
            raise UnknownNameError(
                f"Run {record.run_id} is not one of experiment {experiment!r}.",
                remedy=f"Its experiment is {record.experiment!r}; `-e` can be left out.",
            )
    _serve(session, records, None, browser=True, copies=local_directory)


def _named(session: ProjectSession, run_ids: Sequence[str]) -> list[RunRecord]:
    names = dict.fromkeys(session.history.named(run_id) for run_id in run_ids)
    return [found(session, name) for name in names]


def _serve(
    session: ProjectSession,
    records: Sequence[RunRecord],
    port: int | None,
    *,
    browser: bool,
    copies: Path | None,
) -> None:
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        kept = tempfile.TemporaryDirectory(prefix="aml-tensorboard-")
        logs = _logs_of(session, records, copies or Path(stack.enter_context(kept)))
        folder = logs.update()
        board = stack.enter_context(closing(TensorBoard(folder, port, os.environ)))
        print_data(board.address)
        if not _has_events(folder):
            say(f"There are no event files in {_LOGS}/ yet.")
        say("TensorBoard runs until you press Ctrl-C.")
        if browser and sys.stdout.isatty():
            webbrowser.open(board.address)
        try:
            while not board.wait(_EVERY_S):
                logs.update()
        except KeyboardInterrupt:
            say("Stopped TensorBoard.")


def _has_events(folder: Path) -> bool:
    below = os.walk(folder, followlinks=True)
    return any(fnmatch.filter(names, _EVENT_FILES) for _, _, names in below)


def _logs_of(
    session: ProjectSession, records: Sequence[RunRecord], into: Path
) -> "_Logs | _LogsOfSeveral":
    """Return the logs of the only run, or of several: those that were named, or the run's own."""
    if len(records) == 1 and not _below(session, records[0].run_id):
        return _Logs(session, records[0].run_id, into)
    return _LogsOfSeveral(session, [record.run_id for record in records], into)


def _below(session: ProjectSession, run_id: str) -> list[str]:
    """Return the runs of a sweep or a pipeline, in the order in which they are known."""
    return [record.run_id for record in session.history.children(run_id)]


class _LogsOfSeveral:
    """A folder that has one for each run, with its name: the run's logs, or a link to them."""

    def __init__(self, session: ProjectSession, run_ids: Sequence[str], into: Path) -> None:
        self._session = session
        self._run_ids = run_ids
        self._into = private_folder(into)
        self._logs: dict[str, _Logs] = {}

    def update(self) -> Path:
        """Return the folder; bring it up to date, with runs that have started since."""
        for run_id in self._shown(self._run_ids):
            place = self._into / run_id
            logs = self._logs.setdefault(run_id, _Logs(self._session, run_id, place))
            folder = logs.update()
            if folder != place and not place.exists():
                place.symlink_to(folder.absolute())
        return self._into

    def _shown(self, run_ids: Sequence[str]) -> Iterator[str]:
        """Yield the runs themselves; of sweeps and pipelines, what they consist of."""
        for run_id in run_ids:
            # Of a sweep or a pipeline, for its new runs; the others are looked at for their logs.
            if run_id not in self._logs and self._session.history.has(run_id):
                refreshed(self._session, run_id, warn=lambda _: None)
            below = _below(self._session, run_id)
            yield from self._shown(below) if below else [run_id]


class _Logs:
    """The folder with a run's logs. Copies, where it has to be copies, are in ``into``."""

    def __init__(self, session: ProjectSession, run_id: str, into: Path) -> None:
        self._session = session
        self._run_id = run_id
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
