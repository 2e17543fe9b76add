"""Many files between a folder and a container, several at a time."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Iterable, List, Sequence, Tuple

from .blobs import Blob, Container
from .errors import UserErrorException
from .local_files import below, check_names
from .progress import Progress

_AT_ONCE = 8


def upload(
    container: Container, files: Sequence[Tuple[str, str]], overwrite: bool, progress: Progress
) -> List[str]:
    """Write files to blobs, given as (name of the blob, path); return the names written.

    Without ``overwrite``, blobs that are there are left as they are.
    """
    check_names([name for name, _ in files])
    progress.start()

    def send(name: str, path: str) -> str:
        written = container.put(name, path, overwrite)
        progress.add(name)
        return name if written else ""

    return [name for name in _all(send, files) if name]


def download(
    container: Container,
    blobs: Iterable[Tuple[str, Blob]],
    folder: str,
    overwrite: bool,
    progress: Progress,
) -> List[str]:
    """Read blobs into files below a folder, given as (name below it, blob); return the paths.

    Without ``overwrite``, files that are there are left as they are. Every name is checked before
    the first file is written.
    """
    wanted = [(below(folder, name), blob) for name, blob in blobs]
    _check_apart([path for path, _ in wanted])
    progress.start()

    def receive(path: str, blob: Blob) -> str:
        if overwrite or not os.path.exists(path):
            container.get(blob.name, path)
        progress.add(blob.name)
        return path

    return _all(receive, wanted)


def _all(work: Callable[..., str], arguments: Iterable[Tuple[object, ...]]) -> List[str]:
    """Call ``work`` with each of the arguments, in threads; the first exception is raised."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    started: List[Future[str]] = []
    try:
        started = [pool.submit(work, *each) for each in arguments]
        return [each.result() for each in started]
    except BaseException:
        for each in started:
            each.cancel()
        raise
    finally:
        pool.shutdown()


def _check_apart(paths: Sequence[str]) -> None:
    """Raise ``UserErrorException`` if one path is a folder of another: a store allows that."""
    known = set(paths)
    for path in paths:
        above = os.path.dirname(path)
        while len(above) > 1 and above != os.path.dirname(above):
            if above in known:
                raise UserErrorException(f"{above!r} is both a file and a folder on the datastore.")
            above = os.path.dirname(above)
