"""A gRPC server on this machine for what plugins call: the log, a component's monitor.

Only the forms differ from what the program's own requests get in this process.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from infra.engine.monitor.stub import RpcFailure

Answers = Mapping[str, tuple[type[Message], Callable[[Message], Message]]]
"""From the name of an RPC to its request's class and what answers it."""

_THREADS: Final = 64  # a component's registrations wait for each other


class Service:
    """Serves RPCs of ``services``, by the full name of the service; ``address`` is where."""

    def __init__(self, services: Mapping[str, Answers]) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="plugin-service")
        self._server: Any = grpc.server(self._pool)
        for name, answers in services.items():
            handlers = {rpc: _handler(*how) for rpc, how in answers.items()}
            generic = grpc.method_handlers_generic_handler(name, handlers)
            self._server.add_generic_rpc_handlers((generic,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        """Answer nothing more."""
        self._server.stop(None).wait()
        self._pool.shutdown(wait=True)


def _handler(request: type[Message], answer: Callable[[Message], Message]) -> Any:
    def answered(message: Message, context: Any) -> Message:
        try:
            return answer(message)
        except RpcFailure as failure:
            context.set_code(failure.code())
            context.set_details(failure.details())
            raise

    return grpc.unary_unary_rpc_method_handler(
        answered,
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
