"""The stand-in for a gRPC stub, and how our errors look to the SDK behind it.

Knows no request by its content; ``monitor`` answers them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import grpc

from infra.contract.errors import DeployError, InterruptedByUserError, PlatformError
from infra.engine.monitor.requests import unsupported

TERMINATED: Final = "Resource monitor has terminated, shutting down"
"""What the SDK tells a program that is stopped for a reason declared elsewhere."""

_ABSENT: Final = {
    "Call": "methods of providers",
    "ExistsResource": "asking whether a resource exists",
    "RegisterPackage": "parameterized packages",
    "RegisterStackTransform": "transforms",
    "RegisterStackInvokeTransform": "invoke transforms",
    "RegisterResourceHook": "resource hooks",
    "RegisterErrorHook": "error hooks",
}


@dataclass
class RunStatus:
    """What is known of how the run goes. ``secrets`` are never shown in what the program says."""

    secrets: Collection[str] = ()
    failed: bool = False
    refusal: str = ""
    """The first thing that was refused and that nobody has declared yet."""
    bug: Exception | None = None

    def masked(self, text: str) -> str:
        """Return ``text`` without the values of secret configuration."""
        for secret in self.secrets:
            text = text.replace(secret, "[secret]") if len(secret) > 2 else text  # noqa: PLR2004
        return text


class RpcFailure(grpc.RpcError):  # type: ignore[misc]
    """The one kind of exception the SDK understands."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


class ServiceStub:
    """Stands where the SDK expects a gRPC stub: an attribute for each RPC, ours or not."""

    def __init__(self, calls: Mapping[str, Callable[[Any], Any]], status: RunStatus) -> None:
        self._calls = calls
        self._status = status

    def __getattr__(self, rpc: str) -> Callable[[Any], Any]:
        if rpc.startswith("_"):
            raise AttributeError(rpc)
        return partial(self._answer, rpc)

    def _answer(self, rpc: str, request: Any) -> Any:
        call = self._calls.get(rpc)
        if call is None:
            refusal = unsupported(_ABSENT.get(rpc, f"the request {rpc}"), rpc)
            raise RpcFailure(grpc.StatusCode.UNIMPLEMENTED, str(refusal))
        try:
            return call(request)
        except RpcFailure:
            raise
        except (DeployError, InterruptedByUserError) as error:
            self._status.failed = True
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except PlatformError as error:
            raise RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        except Exception as error:
            self._status.failed = True
            self._status.bug = self._status.bug or error
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error
