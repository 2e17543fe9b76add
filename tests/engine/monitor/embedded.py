"""Runs programs of ``programs/`` through the real SDK against the cloud in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.contract.errors import ProviderError
from infra.contract.provider import UNKNOWN, Checked, Existing
from infra.engine.deployment.builtin import BuiltinProvider
from infra.engine.deployment.deployment import Deployment
from infra.engine.deployment.run import Run
from infra.engine.model.events import Op
from infra.engine.monitor.monitor import run_program
from infra.engine.monitor.program import ProgramResult
from tests.engine.cloud import Account, Cloud, Result, Stage

PROGRAMS = Path(__file__).parent / "programs"
PASSWORD = "Pa55-canary"
_NAMES = ("computeName", "workspaceName", "resourceGroupName")


class AzureLike(Account):
    """Azure's types of a program: an id of the names it is given, nothing made up."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)

    def another(self) -> "AzureLike":
        return AzureLike(self.cloud)

    def check(
        self,
        type: str,
        name: str,
        olds: Mapping[str, Any] | None,
        news: Mapping[str, Any],
        seed: bytes,
    ) -> Checked:
        self.cloud.call("check", name)
        return Checked({"azureApiVersion": "2025-12-01", **news})

    def create(
        self, type: str, inputs: Mapping[str, Any], *, timeout_s: float, preview: bool
    ) -> Existing:
        id_ = self.locate(type, inputs)
        outputs = {**inputs, "name": _names(inputs)[-1]}
        if preview:
            return Existing("", inputs, {**outputs, "provisioningState": UNKNOWN})
        self.cloud.call("create", _names(inputs)[-1])
        if id_ in self.cloud.things:
            raise ProviderError(f"{id_} exists", remedy="none")
        self.cloud.things[id_] = dict(inputs)
        return Existing(id_, inputs, {**outputs, "provisioningState": "Succeeded"})

    def locate(self, type: str, inputs: Mapping[str, Any]) -> str:
        return "/".join(["/subscriptions/0", type, *_names(inputs)])

    def update(
        self,
        type: str,
        id: str,
        olds: Mapping[str, Any],
        old_outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        super().update(type, id, olds, old_outputs, news, timeout_s=timeout_s, preview=preview)
        return Existing(id, news, {**old_outputs, **news})

    def invoke(self, token: str, args: Mapping[str, Any], *, preview: bool) -> Mapping[str, Any]:
        return {"clientId": "c", "objectId": "o", "subscriptionId": "sub", "tenantId": "t"}


def _names(inputs: Mapping[str, Any]) -> list[str]:
    return [str(inputs[key]) for key in reversed(_NAMES) if key in inputs]


@dataclass
class ProgramRun(Result):
    """What one run came to, for the engine and for the program."""

    program: ProgramResult

    @property
    def counts(self) -> dict[Op, int]:
        return {op: n for op, n in self.summary.changes.items() if n}


class EmbeddedStage(Stage):
    """One stack whose operations run one program of ``programs/``."""

    def __init__(self, program: str, **config: str) -> None:
        super().__init__(Account)
        self.program = PROGRAMS / program
        self.others: dict[tuple[str | None, str], Mapping[str, Any]] = {}
        self.settings = {"test:password": PASSWORD, **{f"test:{k}": v for k, v in config.items()}}

    def _start(self, options: Mapping[str, Any]) -> Run:
        run = super()._start(options)
        builtin = BuiltinProvider(lambda *stack: self.others.get(stack))
        more = {"azure-native": AzureLike(self.cloud), "pulumi": builtin}
        return replace(run, providers={**run.providers, **more})

    def go(self, secrets: Collection[str] = ("test:password",), **options: Any) -> ProgramRun:
        run = self._start(options)
        deployment = Deployment(run)
        ended = run_program(
            self.program,
            deployment,
            project="proj",
            stack="dev",
            root=PROGRAMS.parent,
            config=self.settings,
            secret_keys=secrets,
            parallel=4,
            preview=run.options.preview,
        )
        result = self._end(deployment.close(program_failed=ended.failed))
        return ProgramRun(result.summary, result.events, result.notebook, ended)

    def look(self, **options: Any) -> ProgramRun:
        before = self.loaded
        run = self.go(preview=True, **options)
        self.loaded = before
        return run

    def revise(self, **config: str) -> None:
        self.settings |= {f"test:{key}": value for key, value in config.items()}
