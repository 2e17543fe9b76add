"""Calls functions of the program that the SDK serves in the program's own process."""

import re
import threading
from collections.abc import Callable
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from pulumi.runtime.proto import callback_pb2

from infra.contract.errors import UsageError

_INVOKE: Final = "/pulumirpc.Callbacks/Invoke"
_SDK_WORDS: Final = re.compile(r"^Invoke callback \S+ error: ")


class Callbacks:
    """The program's functions, by address and token. Safe from many threads.

    They run on the program's event loop: never call one from that thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers: dict[str, Callable[..., Any]] = {}
        self._channels: list[Any] = []

    def call(self, callback: Any, request: Message, answer: Any, *, noun: str) -> Any:
        """Return the answer; ``UsageError`` with the function's own words if it fails."""
        asked = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=request.SerializeToString()
        )
        try:
            answer.ParseFromString(self._caller(callback.target)(asked).response)
        except grpc.RpcError as error:
            raise UsageError(
                f"A {noun} of the program failed: {_SDK_WORDS.sub('', error.details())}",
                remedy=f"Correct the {noun}.",
            ) from error
        return answer

    def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            channel.close()

    def _caller(self, target: str) -> Callable[..., Any]:
        with self._lock:
            if target not in self._callers:
                channel: Any = grpc.insecure_channel(target)
                self._channels.append(channel)
                self._callers[target] = channel.unary_unary(
                    _INVOKE,
                    request_serializer=callback_pb2.CallbackInvokeRequest.SerializeToString,
                    response_deserializer=callback_pb2.CallbackInvokeResponse.FromString,
                )
            return self._callers[target]
