"""In-process ResourceMonitor and Engine services for the Pulumi SDK.

They translate the SDK's requests into goals for a deployment, and its answers into messages. They
decide nothing about resources. Deployment and providers never call back into the SDK.
"""

import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import grpc
import pulumi
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime import Settings, configure, run_in_stack, set_all_config
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.settings import ROOT

from infra.contract.errors import (
    DeployError,
    HaltedError,
    InterruptedByUserError,
    PlatformError,
    UsageError,
)
from infra.contract.json_types import Document
from infra.engine.deployment.deployment import Deployment
from infra.engine.deployment.session import Severity
from infra.engine.model.goals import Answer, Goal
from infra.engine.monitor.assets import with_hashes
from infra.engine.monitor.callbacks import Callbacks
from infra.engine.monitor.hooks import error_hook_of, hook_of
from infra.engine.monitor.lazy_types import lazily_defined
from infra.engine.monitor.packages import Packages, internal_of
from infra.engine.monitor.program import ProgramResult, explain, own_files, run_alone
from infra.engine.monitor.protobuf import from_struct, to_struct
from infra.engine.monitor.remote import (
    Constructs,
    ProgramFacts,
    call_request,
    construct_request,
    constructed,
)
from infra.engine.monitor.requests import (
    OTHER_ENGINE,
    outputs_of,
    read_goal,
    register_goal,
    unsupported,
    version_fits,
)
from infra.engine.monitor.sdk_patches import SDK_PATCHES, patched
from infra.engine.monitor.service import Service
from infra.engine.monitor.stub import TERMINATED, ProgramStatus, Rpc, RpcFailure, ServiceStub
from infra.engine.monitor.transforms import Transforms

COMPATIBLE_WITH: Final = "3.260.0"
"""The release of the Pulumi CLI whose behaviour this engine follows."""

ORGANIZATION: Final = "organization"  # the name Pulumi's file backends use

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)
# Errors that were reported to the listener when they happened.
_REPORTED: Final = (DeployError, InterruptedByUserError)
_SEVERITIES: Final[Mapping[int, Severity]] = {
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}
_SDK_REFUSAL: Final = re.compile(
    r"The Pulumi CLI does not support (?:the )?(.+?)\. Please update the Pulumi CLI\."
)
_SERVICE: Final = "pulumirpc.ResourceMonitor"
_FOR_PLUGINS: Final[Mapping[str, type[Message]]] = {
    "GetDeploymentInfo": Empty,
    "RegisterResource": resource_pb2.RegisterResourceRequest,
    "ReadResource": resource_pb2.ReadResourceRequest,
    "RegisterResourceOutputs": resource_pb2.RegisterResourceOutputsRequest,
    "Invoke": resource_pb2.ResourceInvokeRequest,
    "Call": resource_pb2.ResourceCallRequest,
    "RegisterPackage": resource_pb2.RegisterPackageRequest,
    "RegisterResourceHook": resource_pb2.RegisterResourceHookRequest,
    "RegisterErrorHook": resource_pb2.RegisterErrorHookRequest,
}
_THREADS_PER_CALL: Final = 4  # the SDK's own factor; with 1, registrations blocked each other


def run_program(
    program: Path,
    deployment: Deployment,
    *,
    project: str,
    stack: str,
    root: Path,
    config: Mapping[str, str],
    secret_keys: Collection[str],
    parallel: int,
    preview: bool,
    generated: str | None = None,
) -> ProgramResult:
    """Run a Pulumi program in this process against ``deployment``.

    ``program`` is its file, or the folder with its ``__main__.py``; ``root`` the folder of
    ``Pulumi.yaml``. ``config`` maps ``namespace:key`` to strings, those of ``secret_keys`` in
    plaintext. Blocks until the program has ended and none of its requests is in flight. An error
    of the program is in the result, a bug of ours raised. ``generated``: see ``lazily_defined``.
    """
    program, root = _program_file(program), root.resolve()
    status = ProgramStatus([config[key] for key in secret_keys if key in config])
    facts = ProgramFacts(project, stack, ORGANIZATION, config, list(secret_keys), parallel, preview)
    monitor = Monitor(deployment, status, root, program.parent, facts)
    engine = Engine(deployment, status)
    imported: set[Path] = set()

    async def drive(body: Callable[[], None]) -> None:
        ROOT.set(None)
        set_all_config(dict(config), list(secret_keys))
        configure(
            Settings(
                project=project,
                stack=stack,
                parallel=parallel,
                dry_run=preview,
                monitor=ServiceStub(monitor.calls, status),
                engine=ServiceStub(engine.calls, status),
                organization=ORGANIZATION,
                root_directory=str(root),
            )
        )
        try:
            await run_in_stack(body)
        finally:
            imported.update(own_files())

    warn = partial(_warn, deployment)
    with closing(monitor), patched(SDK_PATCHES, warn), lazily_defined(generated):
        error = run_alone(
            program,
            drive,
            threads=_THREADS_PER_CALL * max(parallel, 1),
            say=lambda line: deployment.log("info", status.masked(line)),
            describe=lambda error: status.masked(_explanation(error, program, status)),
        )
    if status.bug is not None:
        raise status.bug
    return ProgramResult(status.failed or error is not None, error or "", frozenset(imported))


def _warn(deployment: Deployment, patch: str) -> None:
    deployment.log("warning", f"This Pulumi SDK runs without a speed-up ({patch}).")


def _program_file(program: Path) -> Path:
    file = program.resolve()
    file = file / "__main__.py" if file.is_dir() else file
    if not file.is_file():
        raise UsageError(
            "There is no program: this file does not exist.",
            remedy="Set `main` in Pulumi.yaml to the program's folder.",
            at=str(file),
        )
    return file


def _explanation(error: BaseException, program: Path, status: ProgramStatus) -> str:
    if TERMINATED in str(error):
        # The SDK names any one of the requests that failed: only the first refusal says why.
        return status.refusal
    if isinstance(error, pulumi.RunError):
        return str(error)
    return _SDK_REFUSAL.sub(
        rf"The embedded engine does not support \1. {OTHER_ENGINE}", explain(error, program)
    )


class Monitor:
    """The resource monitor: every request of a program about resources."""

    def __init__(
        self,
        deployment: Deployment,
        status: ProgramStatus,
        root: Path,
        folder: Path,
        facts: ProgramFacts,
    ) -> None:
        self._deployment, self._status, self._facts = deployment, status, facts
        self._root, self._folder = root, folder
        self._halted = threading.Event()
        self._lock = threading.Lock()
        self._service: Service | None = None
        self._callbacks = Callbacks()
        self._packages = Packages()
        self._transforms = Transforms(self._callbacks)
        self.calls: Mapping[str, Rpc] = {
            "GetDeploymentInfo": self._information,
            "RegisterResource": partial(self._unless_halted, self._register),
            "ReadResource": partial(self._unless_halted, self._read),
            "RegisterResourceOutputs": partial(self._unless_halted, self._outputs),
            "Invoke": self._invoke,
            "Call": partial(self._unless_halted, self._call),
            "RegisterStackTransform": partial(_added, self._transforms.add),
            "RegisterStackInvokeTransform": partial(_added, self._transforms.add_of_invokes),
            "RegisterPackage": self._add_package,
            "RegisterResourceHook": self._add_hook,
            "RegisterErrorHook": self._add_error_hook,
            "SignalAndWaitForShutdown": self._shutdown,
        }

    def close(self) -> None:
        """Answer plugins no more, and call no function of the program."""
        self._callbacks.close()
        if self._service is not None:
            self._service.close()

    def _add_package(self, request: resource_pb2.RegisterPackageRequest) -> Message:
        return resource_pb2.RegisterPackageResponse(ref=self._packages.add(request))

    def _add_hook(self, request: resource_pb2.RegisterResourceHookRequest) -> Message:
        self._deployment.hooks.add(
            request.name,
            hook_of(request, self._callbacks, self._status),
            on_dry_run=request.on_dry_run,
            ignore_errors=request.ignore_errors,
        )
        return Empty()

    def _add_error_hook(self, request: resource_pb2.RegisterErrorHookRequest) -> Message:
        hook = error_hook_of(request, self._callbacks, self._status)
        self._deployment.hooks.add_error_hook(request.name, hook)
        return Empty()

    def _unless_halted(self, call: Rpc, request: Message) -> Message:
        """Answer; after the first refusal nothing is answered, however long the program runs."""
        if self._halted.is_set():
            raise RpcFailure(grpc.StatusCode.UNAVAILABLE, TERMINATED)
        try:
            return call(request)
        except Exception as error:
            if isinstance(error, PlatformError) and not isinstance(error, _REPORTED):
                self._status.refuse(str(error))
            self._halted.set()
            raise

    def _information(self, _: Message) -> Message:
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def _register(self, request: resource_pb2.RegisterResourceRequest) -> Message:
        request = self._transforms.applied(request)
        package = self._packages.of(request)
        goal = register_goal(request, self._root)
        goal = replace(
            goal,
            inputs=with_hashes(goal.inputs, self._folder),
            version=package.version,
            plugin_download_url=package.download_url,
            internal=internal_of(package, request.envVarMappings),
            package=package.base,
            extension=package.extension,
        )
        if request.remote:
            return self._construct(request, goal)
        answer = self._deployment.register(goal)
        self._transforms.registered(answer.urn, request)
        return resource_pb2.RegisterResourceResponse(
            urn=answer.urn,
            id=answer.id,
            object=to_struct(answer.outputs),
            result=_result(answer),
            unknown=answer.unknown,
        )

    def _construct(self, request: resource_pb2.RegisterResourceRequest, goal: Goal) -> Message:
        """Let the component's plugin construct it; what that registers comes here, too."""
        made = construct_request(request, self._facts, self._address())
        with self._answering(f"{goal.type} {goal.name!r}"):
            answer = self._plugin(goal).construct(made)
        return constructed(answer.urn, answer)

    def _call(self, request: resource_pb2.ResourceCallRequest) -> Message:
        package = self._packages.of(request)
        goal = Goal(
            request.tok,
            "",
            custom=False,
            provider=request.provider,
            version=package.version,
            plugin_download_url=package.download_url,
            internal=package.internal,
            package=package.base,
            extension=package.extension,
        )
        made = call_request(request, self._facts, self._address())
        with self._answering(request.tok):
            answer: Message = self._plugin(goal).call(made)
        return answer

    def _plugin(self, goal: Goal) -> Constructs:
        provider: object = self._deployment.provider_of(goal)
        if isinstance(provider, Constructs):
            return provider
        raise unsupported("components of this package", goal.type)

    @contextmanager
    def _answering(self, at: str) -> Iterator[None]:
        """Report the error of a component, unless what it registered has failed: that was."""
        try:
            yield
        except DeployError as error:
            if not self._halted.is_set():
                self._deployment.log("error", self._status.masked(f"{at}: {error}"))
            raise

    def _address(self) -> str:
        """Return where plugins reach this monitor. What ends a program is not for them."""
        with self._lock:
            if self._service is None:
                stub = ServiceStub(self.calls, self._status)
                answers = {rpc: (form, getattr(stub, rpc)) for rpc, form in _FOR_PLUGINS.items()}
                self._service = Service({_SERVICE: answers})
            return self._service.address

    def _read(self, request: resource_pb2.ReadResourceRequest) -> Message:
        package = self._packages.of(request)
        goal = replace(
            read_goal(request, self._root),
            version=package.version,
            plugin_download_url=package.download_url,
            internal=package.internal,
            package=package.base,
            extension=package.extension,
        )
        answer = self._deployment.read(goal)
        return resource_pb2.ReadResourceResponse(
            urn=answer.urn,
            id=answer.id,
            properties=to_struct(answer.outputs),
            result=_result(answer),
            unknown=answer.unknown,
        )

    def _outputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Message:
        outputs = with_hashes(outputs_of(request), self._folder)
        self._deployment.register_outputs(request.urn, outputs)
        return Empty()

    def _invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Message:
        request = self._transforms.applied_to_invoke(request)
        package = self._packages.of(request)
        try:
            result = self._deployment.invoke(
                request.tok,
                from_struct(request.args),
                provider=request.provider,
                version=package.version,
                download_url=package.download_url,
                internal=package.internal,
                package=package.base,
                extension=package.extension,
            )
        except (InterruptedByUserError, HaltedError):
            raise
        except PlatformError as error:
            # No step failed, so it was not reported: the program gets it, and may handle it.
            raise RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        return _invoked(result)

    def _shutdown(self, _: Message) -> Message:
        """Let the deployment delete what is no longer declared."""
        try:
            self._deployment.finish()
        except PlatformError as error:
            # The SDK ignores an error of this request, so it is reported and recorded here.
            self._status.fail()
            if not isinstance(error, _REPORTED):
                self._deployment.log("error", str(error))
            raise
        return Empty()


class Engine:
    """The engine service: the program's log, and the Pulumi version it requires."""

    def __init__(self, deployment: Deployment, status: ProgramStatus) -> None:
        self._deployment, self._status = deployment, status
        self._root = ""
        self.calls: Mapping[str, Rpc] = {
            "Log": self._log,
            "RequirePulumiVersion": self._require_version,
            "GetRootResource": lambda _: engine_pb2.GetRootResourceResponse(urn=self._root),
            "SetRootResource": self._set_root,
            "StartDebugging": lambda _: Empty(),
        }

    def _log(self, request: engine_pb2.LogRequest) -> Message:
        severity = _SEVERITIES.get(request.severity)
        if severity is not None:
            if severity == "error":
                self._status.fail()
            self._deployment.log(severity, self._status.masked(request.message), request.urn)
        return Empty()

    def _set_root(self, request: engine_pb2.SetRootResourceRequest) -> Message:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def _require_version(self, request: engine_pb2.RequirePulumiVersionRequest) -> Message:
        wanted = request.pulumi_version_range
        if not version_fits(wanted, COMPATIBLE_WITH):
            raise UsageError(
                f"The program requires Pulumi {wanted}; this engine follows {COMPATIBLE_WITH}.",
                remedy=f"Widen `require_pulumi_version`. {OTHER_ENGINE}",
            )
        return engine_pb2.RequirePulumiVersionResponse()


def _added(add: Callable[[Message], None], callback: Message) -> Message:
    add(callback)
    return Empty()


def _result(answer: Answer) -> resource_pb2.Result.ValueType:
    return resource_pb2.Result.FAIL if answer.failed else resource_pb2.Result.SUCCESS


def _invoked(result: Document) -> Message:
    # The field is called `return`, which cannot be a keyword argument in Python.
    return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(result)})
