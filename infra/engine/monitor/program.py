"""Runs a program file in this process as if the process were its own.

It knows nothing of Pulumi: the caller drives the program. Whatever a program may change about the
process is restored when it ends.
"""

import asyncio
import gc
import importlib
import io
import os
import runpy
import sys
import threading
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, TextIO

_ENVIRONMENT: Final = "PULUMI_CONFIG"
"""Prefix of the variables the SDK falls back to for a key that is not configured."""

_GC_THRESHOLD: Final = 200_000
"""New objects between two collections: a graph of outputs is all alive until the program ends."""

_DESTROY_WARNING: Final = "_log_destroy_pending"
"""The attribute with which asyncio's own `gather` silences a task's warning; it is not public."""

_ENGINE: Final = Path(__file__).parents[1]
_PRODUCT: Final = frozenset(
    f"infra.{part.parent.name}" for part in _ENGINE.parent.glob("*/__init__.py")
)


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended. ``error`` is its traceback from the program's own file on.

    It is empty where the failure was reported when it happened. ``files`` are those of its own
    modules, wherever they lie.
    """

    failed: bool
    error: str = ""
    files: frozenset[Path] = field(default=frozenset(), compare=False)


Body = Callable[[], None]


def run_alone(
    program: Path,
    drive: Callable[[Body], Awaitable[None]],
    *,
    threads: int,
    say: Callable[[str], None],
    describe: Callable[[BaseException], str],
) -> str | None:
    """Run ``program`` under ``drive``; return the description of what it raised, if anything.

    ``drive`` runs on an event loop of its own, with an executor of ``threads`` threads, in a copy
    of the caller's context; it calls its body once. ``say`` is called with each line the program
    prints. When this returns, every thread of the executor has finished.
    """

    def body() -> None:
        try:
            runpy.run_path(str(program), run_name="__main__")
        except SystemExit as exit_:
            if exit_.code not in (None, 0):
                raise

    text = None
    with _isolated(program, say):
        with _event_loop(threads) as loop:
            try:
                copy_context().run(lambda: loop.run_until_complete(_awaited(drive, body)))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - SystemExit is a result too
                text = describe(error)
        if text is not None:
            _discard_coroutines()
    return text


def _discard_coroutines() -> None:
    """Collect coroutines that will never be awaited now, while their warning is off."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        gc.collect()


async def _awaited(drive: Callable[[Body], Awaitable[None]], body: Body) -> None:
    await drive(body)


def explain(error: BaseException, program: Path) -> str:
    """Return the traceback of a program's error, starting at the first frame of its own folder.

    Without such a frame, only the error itself is named.
    """
    if isinstance(error, SystemExit):
        return (
            error.code if isinstance(error.code, str) else f"The program exited with {error.code}."
        )
    parts = []
    for link in _chain(error):
        start = _first_frame(link.__traceback__, program.parent)
        if start is not None:
            parts.append("".join(traceback.format_exception(type(link), link, start, chain=False)))
        elif link is error:
            parts.append(_named(error))
    return "\n".join(part.rstrip() for part in parts)


def _named(error: BaseException) -> str:
    if type(error) is Exception:  # the SDK's form of an error from this engine
        return str(error)
    return "".join(traceback.format_exception_only(error))


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and not any(link is seen for seen in links):
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links[::-1]


def _first_frame(frames: TracebackType | None, folder: Path) -> TracebackType | None:
    while frames is not None:
        file = Path(frames.tb_frame.f_code.co_filename)
        if file.is_relative_to(folder) and not file.is_relative_to(_ENGINE):
            break
        frames = frames.tb_next
    return frames


@contextmanager
def _isolated(program: Path, say: Callable[[str], None]) -> Iterator[None]:
    folder = program.parent
    with ExitStack() as undo:
        undo.enter_context(warnings.catch_warnings())
        undo.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(_GC_THRESHOLD)
        undo.callback(sys.path.__setitem__, slice(None), list(sys.path))
        undo.callback(setattr, sys, "argv", sys.argv)
        undo.callback(os.chdir, Path.cwd())
        undo.callback(os.environ.update, _without_configuration())
        sys.path.insert(0, str(folder))
        sys.argv = [str(program)]
        os.chdir(folder)
        undo.enter_context(_printing_to(say))
        forget_modules(folder)
        undo.callback(forget_modules, folder)  # the next program may use the same names
        yield


def _without_configuration() -> dict[str, str]:
    names = [name for name in os.environ if name.startswith(_ENVIRONMENT)]
    return {name: os.environ.pop(name) for name in names}


def forget_modules(folder: Path) -> None:
    """Drop the program's own modules, so that what they create when imported is created again.

    Installed packages below ``folder`` (an environment) and this product's own stay: a second copy
    of them would not recognise the classes of the first.
    """
    importlib.invalidate_caches()
    below = f"{folder}{os.sep}"  # thousands of modules are loaded: most need no look at their path
    for name, module in list(sys.modules.items()):
        file = str(getattr(module, "__file__", None) or "")
        if file.startswith(below) and name != "__main__" and _is_program_module(name, Path(file)):
            del sys.modules[name]
            package, _, child = name.rpartition(".")
            # Otherwise `from package import child` finds it there and does not import it again.
            vars(sys.modules.get(package, module)).pop(child, None)


def own_files() -> frozenset[Path]:
    """Return the files of all modules that are neither installed nor this product's own."""
    installed = (f"{sys.prefix}{os.sep}", f"{sys.base_prefix}{os.sep}")
    modules = {
        name: str(getattr(module, "__file__", None) or "")
        for name, module in list(sys.modules.items())
    }
    return frozenset(
        Path(file)
        for name, file in modules.items()
        if file and not file.startswith(installed) and _is_program_module(name, Path(file))
    )


def _is_program_module(name: str, file: Path) -> bool:
    package, _, rest = name.partition(".")
    if package in ("runtime", "localcloud") or name == "infra":
        return False
    if f"{package}.{rest.partition('.')[0]}" in _PRODUCT or "site-packages" in file.parts:
        return False
    return not (file.is_relative_to(sys.prefix) or file.is_relative_to(sys.base_prefix))


@contextmanager
def _event_loop(threads: int) -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="program")
    loop.set_default_executor(pool)
    # When half of a graph failed the other half stays unresolved: not worth a message.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        # Calls in flight finish and are recorded; those that waited for a thread never begin.
        pool.shutdown(wait=True, cancel_futures=True)
        for task in asyncio.all_tasks(loop):
            setattr(task, _DESTROY_WARNING, False)
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def _printing_to(say: Callable[[str], None]) -> Iterator[None]:
    below = sys.stdout
    printed = _Printed(below, say)
    sys.stdout = printed
    try:
        yield
    finally:
        printed.end()
        sys.stdout = below


class _Printed(io.TextIOBase):
    """The program's standard output, line by line to ``say``; other threads print as before."""

    def __init__(self, below: TextIO, say: Callable[[str], None]) -> None:
        self._below, self._say = below, say
        self._thread = threading.get_ident()
        self._line = ""
        self._saying = False

    def write(self, text: str) -> int:
        # The receiver of `say` may print itself, on this very thread.
        if self._saying or threading.get_ident() != self._thread:
            return self._below.write(text)
        *lines, self._line = (self._line + text).split("\n")
        self._saying = True
        try:
            for line in lines:
                self._say(line)
        finally:
            self._saying = False
        return len(text)

    def end(self) -> None:
        if self._line:
            self.write("\n")

    @property
    def encoding(self) -> str:  # type: ignore[override] # typeshed has it writable
        return self._below.encoding

    @property
    def buffer(self) -> BinaryIO:
        return self._below.buffer

    def flush(self) -> None:
        self._below.flush()

    def writable(self) -> bool:
        return True
