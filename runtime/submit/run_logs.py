"""Reads a run's logs, wherever they are: at its target, or among the files collected from it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from runtime.model.runs import RunRecord
from runtime.submit.session import ProjectSession
from runtime.targets.base import LogChunk

_LOG_FOLDERS: Final = ("azureml-logs", "user_logs")


def log_chunks(
    session: ProjectSession,
    record: RunRecord,
    offsets: Mapping[str, int],
    report: Callable[[PlatformError], None],
) -> Sequence[LogChunk]:
    """Return what each log has beyond its offset, in bytes.

    If the target does not answer, what was collected is returned and ``report`` called with the
    error; it is raised if nothing was.
    """
    try:
        return list(session.target_of(record).logs(session.handle_of(record), offsets))
    except PlatformError as error:
        if record.outputs is None:
            raise
        report(error)
        return collected_logs(Path(record.outputs), offsets)


def log_texts(
    session: ProjectSession, record: RunRecord, report: Callable[[PlatformError], None]
) -> dict[str, str]:
    """Return the whole text of each log, as ``log_chunks`` finds it."""
    texts: dict[str, str] = {}
    for chunk in log_chunks(session, record, {}, report):
        texts[chunk.name] = texts.get(chunk.name, "") + chunk.text
    return texts


def collected_logs(folder: Path, offsets: Mapping[str, int]) -> Sequence[LogChunk]:
    """Return what the logs collected in ``folder`` have beyond their offsets."""
    files = [file for place in _LOG_FOLDERS for file in sorted((folder / place).rglob("*.txt"))]
    found = []
    for file in files:
        name = file.relative_to(folder).as_posix()
        content = file.read_bytes()
        text = content[offsets.get(name, 0) :].decode("utf-8", "replace")
        if text:
            found.append(LogChunk(name, text, len(content)))
    return found
