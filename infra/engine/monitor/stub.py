"""The in-process replacement for the SDK's gRPC stubs, and how our errors look to the SDK.

It does not look into requests; ``monitor`` answers them.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final, TypeAlias

import grpc
from google.protobuf.message import Message

from infra.contract.errors import DeployError, InterruptedByUserError, PlatformError
from infra.engine.monitor.requests import unsupported

TERMINATED: Final = "Resource monitor has terminated, shutting down"
"""What the SDK raises in a program that is stopped for a reason reported elsewhere."""

Rpc: TypeAlias = Callable[[Message], Message]
"""Answers one kind of request."""

_UNSUPPORTED: Final = {
    "ExistsResource": "queries whether a resource exists",
}
_SHORTEST_MASKED: Final = 3  # masking one or two characters would make every message unreadable


class ProgramStatus:
    """How a run is going, as its requests find out. Safe from many threads.

    ``secrets`` are the values of secret configuration: never shown in what the program prints.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = secrets
        # Requests fail on many threads at once. The flag only ever becomes true, and the first
        # refusal and the first bug are the ones to report: later ones are consequences.
        self._lock = threading.Lock()
        self._failed = False
        self._refusal = ""
        self._bug: Exception | None = None

    @property
    def failed(self) -> bool:
        return self._failed

    @property
    def refusal(self) -> str:
        """The first refused request that was not reported yet; empty if there is none."""
        return self._refusal

    @property
    def bug(self) -> Exception | None:
        """The first exception that no request should cause."""
        return self._bug

    def fail(self) -> None:
        with self._lock:
            self._failed = True

    def refuse(self, text: str) -> None:
        """Record a refusal that is to be reported when the program ends."""
        with self._lock:
            self._refusal = self._refusal or text

    def fail_with(self, bug: Exception) -> None:
        """Record a bug of ours; it is raised when the program has ended."""
        with self._lock:
            self._failed = True
            self._bug = self._bug or bug

    def masked(self, text: str) -> str:
        """Return ``text`` without the values of secret configuration."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]") if len(secret) >= _SHORTEST_MASKED else text
        return text


class RpcFailure(grpc.RpcError):  # type: ignore[misc] # grpc has no types
    """The one kind of exception the SDK understands."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


class ServiceStub:
    """Used by the SDK in place of a gRPC stub: it has an attribute for each RPC, ours or not."""

    def __init__(self, calls: Mapping[str, Rpc], status: ProgramStatus) -> None:
        self._calls = calls
        self._status = status

    def __getattr__(self, rpc: str) -> Rpc:
        if rpc.startswith("_"):
            raise AttributeError(rpc)
        return partial(self._answer, rpc)

    def _answer(self, rpc: str, request: Message) -> Message:
        call = self._calls.get(rpc)
        if call is None:
            refusal = unsupported(_UNSUPPORTED.get(rpc, f"the request {rpc}"), rpc)
            raise RpcFailure(grpc.StatusCode.UNIMPLEMENTED, str(refusal))
        # The status code decides what the SDK does: UNAVAILABLE ends the program at once,
        # INVALID_ARGUMENT is an error of this one request.
        try:
            return call(request)
        except RpcFailure:
            raise
        except (DeployError, InterruptedByUserError) as error:
            self._status.fail()
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except PlatformError as error:
            raise RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        except Exception as error:
            self._status.fail_with(error)
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error
