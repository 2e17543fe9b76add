"""`aml run exec` and `aml run ports`: commands beside a run's script, and ports it listens on."""

import os
import shutil
import signal
import socket
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType
from typing import Final

import click

from infra.contract.errors import UsageError
from runtime.cli.counted_back import CountedBack
from runtime.cli.render import print_data, print_output, say
from runtime.cli.session import command_session
from runtime.model.runs import RunRecord
from runtime.submit.session import ProjectSession
from runtime.targets.base import Executing, Forwarding, Handle, RemoteProcess

_LOOK_EVERY_S: Final = 0.2
_LOOK_FOR_END_EVERY_S: Final = 1.0
_MOST_BYTES: Final = 1 << 16
_HOST: Final = "127.0.0.1"
_MOST_PORT: Final = 65535


class _BesideRun(click.Command):
    """A command whose first argument may be `-1`, the last run; all after it is another command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        back = args[:1] and args[0][:1] == "-" and args[0][1:].isdecimal()
        return super().parse_args(ctx, ["--", *args] if back else args)


@click.command("exec", cls=_BesideRun, context_settings={"allow_interspersed_args": False})
@click.argument("run_id", metavar="RUN")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def execute(run_id: str, command: tuple[str, ...]) -> None:
    """Run COMMAND beside a run's script, in its folder and with its variables.

    Without COMMAND, a shell. The run goes on when the command ends; the exit code is its own.
    """
    session, record = _running(run_id)
    argv = command[1:] if command[:1] == ("--",) else command
    target = session.target_of(record)
    if not isinstance(target, Executing):
        raise _cannot(record, "commands cannot be run beside its script")
    terminal = _terminal_size() if sys.stdin.isatty() and sys.stdout.isatty() else None
    with closing(target.execute(session.handle_of(record), argv, terminal)) as process:
        with _raw(process) if terminal else _plain():
            _copy(process)
        code = process.exit_code()
    click.get_current_context().exit(code)


@click.command(cls=CountedBack)
@click.argument("run_id", metavar="RUN")
@click.argument("ports", nargs=-1, required=True, metavar="PORT[:LOCAL]…")
def ports(run_id: str, ports: tuple[str, ...]) -> None:
    """Reach ports that a run's processes listen on, such as TensorBoard's 6006. Ctrl-C ends it.

    PORT is reached at the same port of this machine, or at LOCAL; 0 takes a free one.
    """
    session, record = _running(run_id)
    target = session.target_of(record)
    if not isinstance(target, Forwarding):
        raise _cannot(record, "its ports cannot be reached")
    forwards = [_Forward(target, session.handle_of(record), *_numbers(each)) for each in ports]
    try:
        for each in forwards:
            print_data(f"{_HOST}:{each.local} → port {each.port} of run {record.run_id}")
        say("Forwarding until you press Ctrl-C.")
        while not session.history.record(record.run_id).state.final:
            time.sleep(_LOOK_FOR_END_EVERY_S)
            session.refresh()
        say(f"Run {record.run_id} has ended.")
    except KeyboardInterrupt:
        say("Stopped forwarding.")
    finally:
        for each in forwards:
            each.close()


def _running(run_id: str) -> tuple[ProjectSession, RunRecord]:
    session = command_session(None)
    record = session.history.record(session.history.named(run_id))
    session.refresh()
    record = session.history.record(record.run_id)
    if record.state.final:
        raise UsageError(
            f"Run {record.run_id} has ended: {record.state}.",
            remedy=f"Its files are fetched with `aml run download {record.run_id}`.",
        )
    return session, record


def _cannot(record: RunRecord, what: str) -> UsageError:
    return UsageError(
        f"Run {record.run_id} is on target {record.target!r}, where {what}.",
        remedy="Runs in containers of this machine (`--target docker`) and on attached machines can"
        " be entered.",
    )


def _numbers(text: str) -> tuple[int, int]:
    """Return the port of a run, and that of this machine."""
    port, colon, local = text.partition(":")
    if not port.isdigit() or (colon and not local.isdigit()):
        raise UsageError(f"{text!r} is not a port.", remedy="Write PORT or PORT:LOCAL, as 6006.")
    numbers = int(port), int(local) if colon else int(port)
    if not 0 < numbers[0] <= _MOST_PORT or numbers[1] > _MOST_PORT:
        raise UsageError(f"{text!r} is not a port.", remedy="Ports are from 1 to 65535.")
    return numbers


def _copy(process: RemoteProcess) -> None:
    """Copy this process's input to a process, and its output here, until it ends."""
    threading.Thread(target=_send, args=(process,), daemon=True).start()
    while (outputs := process.read(_LOOK_EVERY_S)) is not None:
        for each in outputs:
            print_output(each.content, err=each.is_error)


def _send(process: RemoteProcess) -> None:
    with suppress(OSError, ValueError):
        while content := os.read(sys.stdin.fileno(), _MOST_BYTES):
            process.write(content)
        process.end_input()


def _terminal_size() -> tuple[int, int]:
    size = shutil.get_terminal_size()
    return size.columns, size.lines


@contextmanager
def _plain() -> Iterator[None]:
    yield


@contextmanager
def _raw(process: RemoteProcess) -> Iterator[None]:
    """Pass on every key as it is pressed, and changes of the terminal's size."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def resized(_: int, __: FrameType | None) -> None:
        process.resize(*_terminal_size())

    handler = signal.signal(signal.SIGWINCH, resized)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)


class _Forward:
    """One port, and the connections to it."""

    def __init__(self, target: Forwarding, handle: Handle, port: int, local: int) -> None:
        self.port = port
        self._target = target
        self._handle = handle
        self._connecting = threading.Lock()
        self._server = _listening(local)
        self.local = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            with self._connecting:
                process = self._target.connect(self._handle, self.port)
            with closing(process):
                threading.Thread(target=_receive, args=(client, process), daemon=True).start()
                while (outputs := process.read(_LOOK_EVERY_S)) is not None:
                    for each in outputs:
                        if each.is_error:
                            say(each.content.decode(errors="replace").strip())
                        else:
                            client.sendall(each.content)
            # Closing alone ends nothing while the other thread still reads.
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def _receive(client: socket.socket, process: RemoteProcess) -> None:
    with suppress(OSError):
        while content := client.recv(_MOST_BYTES):
            process.write(content)
        process.end_input()


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise UsageError(
            f"Port {port} of this machine cannot be listened on: {error.strerror}.",
            remedy="Choose another: PORT:LOCAL, as in 6006:6007; 0 takes a free one.",
        ) from error
