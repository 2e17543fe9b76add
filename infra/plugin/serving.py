"""The process of the plugin: its port, the calls of the Pulumi CLI, and its end.

It ends when it is told to (Cancel, then SIGINT), and when the process that started it is gone:
a CLI that is killed leaves its plugins running.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from infra.plugin.clouds import Clouds, folders_of_the_cli, project_of
from infra.plugin.engine_log import EngineLog
from infra.plugin.protocol import CallError, ProviderProtocol

SERVICE: Final = "pulumirpc.ResourceProvider"
_THREADS: Final = 64  # calls wait for the service; more of them than a CLI makes at once
_LARGEST_MESSAGE: Final = 400 << 20
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
]
_DETAILS: Final = "grpc-status-details-bin"
_ORPHANED_S: Final = 1.0  # how often it is looked whether the CLI is gone
_CALLS_END_S: Final = 3.0  # of the five that the CLI gives


def serve(arguments: Sequence[str]) -> None:
    """Serve until told to end. The last of ``arguments`` is the engine's address."""
    given = [each for each in arguments if not each.startswith("-")]
    log = EngineLog(given[-1] if given else "")
    name = os.environ.get("PULUMI_PROJECT", "")
    protocol = ProviderProtocol(Clouds(lambda: project_of(name, folders_of_the_cli())), log)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server, port = start(protocol)
    # The first line is the port, and nothing else: what anything prints later is no answer.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdout = sys.stderr
    _wait(ended, os.getppid())
    protocol.cancel()
    server.stop(_CALLS_END_S).wait()
    protocol.close()
    log.close()


def start(protocol: ProviderProtocol) -> tuple[Any, int]:
    """Start a server of the protocol; return it and its port on this machine."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="provider")
    server = grpc.server(pool, options=_OPTIONS)
    handlers = {rpc: _handler(*how) for rpc, how in protocol.answers().items()}
    generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
    server.add_generic_rpc_handlers((generic,))
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _wait(ended: threading.Event, parent: int) -> None:
    while not ended.wait(_ORPHANED_S):
        if os.getppid() != parent:
            return


def _handler(kind: type[Message], answer: Callable[[Any], Message]) -> Any:
    def answered(request: Message, context: Any) -> Message:
        try:
            return answer(request)
        except CallError as failure:
            if failure.trailer:
                context.set_trailing_metadata(((_DETAILS, failure.trailer),))
            return _aborted(context, failure.details)

    return grpc.unary_unary_rpc_method_handler(
        answered,
        request_deserializer=kind.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def _aborted(context: Any, details: str) -> Message:
    """Answer with an error; ``abort`` does not return."""
    context.abort(grpc.StatusCode.UNKNOWN, details)
    raise AssertionError(details)
