"""Plans or applies one change, as a process of its own: a program is run alone in its process.

``python -m infra.deploy.console.worker plan|apply FOLDER LOCK``, in the project's folder;
``LOCK`` is the number of the open file that holds the change's lock. What becomes
of the change is in its files; this writes nothing else, and prints nothing.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from infra.contract.errors import DeployError, PlatformError, UsageError, apart
from infra.contract.json_text import json_text
from infra.contract.private import private_file
from infra.contract.stack_console import ChangeState, PlannedStep, ResourceProgress
from infra.deploy.console.change_files import ChangeFiles
from infra.deploy.console.destroying import destroys, detaches
from infra.deploy.drift.adopt import lines
from infra.deploy.drift.comparison import GONE
from infra.deploy.drift.drift import StackDrift
from infra.deploy.importing.declared_computes import alone
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.runner import EngineResult
from infra.deploy.run.stack_operations import OperationResult, StackOperations
from infra.deploy.stack.change_lines import step_lines
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.stacks import Stack, open_stack, with_file
from infra.deploy.stack.step_documents import (
    HALVES,
    MARKS,
    QUIET,
    is_component,
    plan_line,
    short_type,
    step_document,
)
from infra.engine.model.events import Event, Finished, Message, Started, Step
from infra.engine.model.resources import urn_name
from infra.spec.editing import replace_text

_BUG: Final = "This is a bug in aml-platform"


@dataclass(frozen=True, slots=True)
class Worker:
    """What works on one change."""

    files: ChangeFiles
    errors: list[str] = field(default_factory=list)
    """What went wrong, as it was heard."""

    @property
    def stack(self) -> str:
        return str(self.files.facts["stack"])

    @property
    def kind(self) -> str:
        return str(self.files.facts["kind"])

    def plan(self) -> None:
        """Find out what the change would do; the change waits for its approval then."""
        stack = open_stack(self.stack)
        operations = StackOperations(stack, self._heard, lambda *_: False)
        if self.kind == "adopt":
            self._plan_adopting(stack)
        elif self.kind == "revert":
            drifts = StackDrift(stack, self._heard)
            self._planned(drifts.planned(drifts.read(), operations, OperationRequest()), stack)
        else:
            stack = with_file(stack, self.files.proposed) if self.kind == "edit" else stack
            operations = StackOperations(stack, self._heard, lambda *_: False)
            self._planned(operations.preview(OperationRequest()), stack)

    def _planned(self, done: OperationResult, stack: Stack) -> None:
        plan = done.plan
        own = stack.own_program
        listed = [
            planned_step(step, own_program=own)
            for step in listed_steps(plan.steps, own_program=own)
        ]
        counts = Counter(each.op for each in plan.steps if own or not is_component(each))
        self.files.plan(listed, plan_line(counts), plan.warnings, comparable(plan.steps))
        if done.refusal is not None:
            raise done.refusal
        unchanged = not plan.changed and self.kind != "edit"
        self.files.put(ChangeState.UNCHANGED if unchanged else ChangeState.PLANNED)

    def _plan_adopting(self, stack: Stack) -> None:
        drifts = StackDrift(stack, self._heard)
        adoption = drifts.adoption(drifts.read())
        private_file(self.files.proposed).write_text(adoption.file.text(), encoding="utf-8")
        again = "the next deployment creates it again"
        left = [
            f"{each.name}: {each.path}: {again if each.path == GONE else each.why}."
            for each in adoption.left
        ]
        edits = list(lines(adoption))
        count = len(edits)
        summary = f"{count} edit{'s' * (count != 1)} of the stack file; the cloud is not changed"
        self.files.plan((), summary, left, edits)
        self.files.put(ChangeState.PLANNED if edits else ChangeState.UNCHANGED)

    def apply(self) -> None:
        """Do what the plan says; the stack file is left as it was where that fails."""
        self.files.put(ChangeState.APPLYING)
        with alone(self.stack) as stack:
            before = self._unchanged_text(stack.file)
            if self.kind == "adopt":
                self._adopt(stack)
            elif self.kind == "revert":
                drifts = StackDrift(stack, self._listener)
                request = OperationRequest(message=self._message)
                self._applied(drifts.revert(drifts.read(), self._operations(stack), request))
            else:
                self._deploy(stack, before)
        self.files.put(ChangeState.DONE)

    def _adopt(self, stack: Stack) -> None:
        drifts = StackDrift(stack, self._listener)
        found = drifts.read()
        if list(lines(drifts.adoption(found))) != list(self.files.documents):
            raise _another_plan()
        drifts.adopt(found)

    def _deploy(self, stack: Stack, before: str) -> None:
        if self.kind == "edit":
            replace_text(stack.file, self.files.proposed.read_text(encoding="utf-8"))
        try:
            opened = open_stack(stack.name)
            self._applied(self._operations(opened).up(OperationRequest(message=self._message)))
        except BaseException:
            if self.kind == "edit":
                replace_text(stack.file, before)
            raise

    def _operations(self, stack: Stack) -> StackOperations:
        return StackOperations(stack, self._listener, partial(_is_shown, self.files.documents))

    def _applied(self, done: OperationResult) -> None:
        if done.refusal is not None:
            raise done.refusal
        if not done.approved:
            raise _another_plan()

    @property
    def _message(self) -> str:
        return str(self.files.facts["title"])

    def _unchanged_text(self, file: Path) -> str:
        text = file.read_text(encoding="utf-8")
        if text != self.files.base.read_text(encoding="utf-8"):
            raise UsageError(
                f"{file.name} was changed since this was planned; nothing was deployed.",
                remedy="Plan the change again.",
                at=str(file),
            )
        return text

    def _heard(self, event: Event) -> None:
        if isinstance(event, Message) and event.severity == "error":
            self.errors.append(apart(event.text)[0])
        elif isinstance(event, Finished) and event.error:
            self.errors.append(f"{urn_name(event.step.urn)}: {apart(event.error)[0]}")

    def told(self, error: PlatformError, *, applied: bool) -> tuple[str, str]:
        """Return what a change that failed says, and what to do; a command points to its screen."""
        if type(error) is not DeployError:
            return error.detail, error.remedy or ""
        what = "The deployment failed." if applied else "There is no plan."
        kept = "what was done until then stays" if applied else "nothing was changed"
        left = " The stack file is as it was." if applied and self.kind == "edit" else ""
        why = "\n".join(dict.fromkeys(self.errors))
        return f"{what}\n{why}".strip(), f"Remove the cause and plan it again; {kept}.{left}"

    def _listener(self, event: Event) -> None:
        self._heard(event)
        if isinstance(event, Started | Finished) and not is_component(event.step):
            self.files.append(_progress(event))


def listed_steps(steps: Sequence[Step], *, own_program: bool) -> list[Step]:
    """Return the steps that a plan lists: components are left out, a replacement is one."""
    changing = [step for step in steps if step.op not in QUIET | HALVES]
    return [step for step in changing if own_program or not is_component(step)]


def planned_step(step: Step, *, own_program: bool) -> PlannedStep:
    """Return a step as a line of a plan."""
    what = step.op, step.type, step.old or step.new or {}
    return PlannedStep(
        step.urn,
        MARKS[step.op][0],
        str(step.op),
        short_type(step.type),
        urn_name(step.urn),
        tuple(step_lines(step, own_program=own_program)),
        destroys(*what),
        detaches(*what),
    )


def comparable(steps: Sequence[Step]) -> list[str]:
    """Return what a plan changes, whatever order its steps came in; secrets are hidden."""
    return sorted(json_text(step_document(step)) for step in steps if step.op not in QUIET)


def _progress(event: Started | Finished) -> ResourceProgress:
    step = event.step
    error, remedy = apart(event.error) if isinstance(event, Finished) else ("", "")
    state = "working" if isinstance(event, Started) else "failed" if error else "done"
    seconds = event.seconds if isinstance(event, Finished) else 0.0
    return ResourceProgress(
        step.urn, str(step.op), short_type(step.type), urn_name(step.urn), state, seconds, error,
        remedy,
    )  # fmt: skip


def _is_shown(documents: Sequence[str], plan: EngineResult, _: Destination) -> bool:
    return comparable(plan.steps) == list(documents)


def _another_plan() -> UsageError:
    return UsageError(
        "The plan is not the one that was shown any more; nothing was deployed.",
        remedy="Plan the change again, and look at the new plan.",
    )


def main(arguments: Sequence[str]) -> int:
    """Work on a change; the exit code says whether that went well."""
    action, folder, lock = arguments
    files = ChangeFiles(Path(folder))
    worker = Worker(files)
    work: Callable[[], None] = {"plan": worker.plan, "apply": worker.apply}[action]
    failed = ChangeState.REFUSED if action == "plan" else ChangeState.FAILED
    try:
        work()
    except PlatformError as error:
        files.put(failed, *worker.told(error, applied=action == "apply"))
        return error.exit_code
    except BaseException as error:
        files.put(failed, f"{_BUG}: {type(error).__name__}.", f"See {files.log}.")
        raise
    finally:
        os.close(int(lock))  # ending the process takes a moment longer
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
