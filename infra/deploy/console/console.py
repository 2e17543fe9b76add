"""One stack as a browser sees it: reads here, and changes by processes that work on their files."""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

from infra.arm.client import Client
from infra.arm.soft_delete import pages
from infra.catalogue.api_versions import (
    BATCH,
    CONTAINER_SERVICE,
    DATABRICKS,
    HDINSIGHT,
    VIRTUAL_MACHINES,
)
from infra.catalogue.compute_kinds import kind_name
from infra.contract.discovery import find_cloud
from infra.contract.errors import (
    CloudStoppedError,
    PlatformError,
    ProviderError,
    UnknownNameError,
    UsageError,
)
from infra.contract.json_types import Document
from infra.contract.load import look_up
from infra.contract.manifest import read_manifest
from infra.contract.private import private_file
from infra.contract.project import find_project
from infra.contract.stack_computes import PowerAction
from infra.contract.stack_console import (
    Change,
    ChangeState,
    ComputeDetail,
    ComputeForm,
    ComputeRow,
    DeletedResource,
    DriftedRow,
    DriftReport,
    FormError,
    FormField,
    Operation,
    PlannedStep,
    SizeChoice,
    StackFacts,
)
from infra.deploy.console import forms
from infra.deploy.console.change_files import ChangeFiles, ChangeStore, Kind
from infra.deploy.console.compute_rows import row_of, size_choices
from infra.deploy.console.past import changed_by
from infra.deploy.console.recorded import recorded
from infra.deploy.console.uncommitted import uncommitted
from infra.deploy.drift.adopt import remove, write
from infra.deploy.drift.comparison import drift_lines
from infra.deploy.drift.drift import StackDrift
from infra.deploy.importing.computes import computes_of
from infra.deploy.importing.declared_computes import DeclaredComputes
from infra.deploy.preflight.queries import PreflightQueries
from infra.deploy.run.check import destination_of, soft_deleted_rows
from infra.deploy.stack.past_failures import past_failures
from infra.deploy.stack.settings import Settings
from infra.deploy.stack.stacks import (
    Stack,
    existing_stack,
    never_deployed,
    open_stack,
    stack_outputs,
)
from infra.deploy.stack.step_documents import short_type
from infra.engine.model.events import Event
from infra.engine.state.secrets import Masked
from infra.spec.computes import ATTACHMENTS
from infra.spec.credentials import Sealed
from infra.spec.editing import StackFile
from infra.spec.load import inspect_text
from infra.spec.problems import Problem
from infra.spec.stack import KEYS

_SCALING: Final = frozenset({"min_nodes", "max_nodes"})
_COMPUTES: Final = KEYS["computes"]
_FOUND_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "virtual_machine": ("Microsoft.Compute/virtualMachines", VIRTUAL_MACHINES),
    "hdinsight": ("Microsoft.HDInsight/clusters", HDINSIGHT),
    "batch": ("Microsoft.Batch/batchAccounts", BATCH),
    "databricks": ("Microsoft.Databricks/workspaces", DATABRICKS),
    "kubernetes": ("Microsoft.ContainerService/managedClusters", CONTAINER_SERVICE),
}
"""The type of what is attached, and the version to list it with."""
_ENDS_S: Final = 60.0
"""How long a process may take to end once its work is done."""


class Console:
    """The stack called ``name`` of the project around the working folder."""

    def __init__(self, name: str) -> None:
        self._project = find_project()
        self._name = existing_stack(self._project, name)
        self._store = ChangeStore(self._project.home, self._name)

    def facts(self) -> StackFacts:
        stack, project = self._stack(), self._project
        known = stack.backend.exists(project.name, self._name)
        return StackFacts(
            file=_below(stack.file, project.root),
            cloud=stack.cloud,
            resources=stack.backend.summary(project.name, self._name).resources if known else 0,
            locked_by=[str(lock) for lock in stack.backend.holders(project.name, self._name)],
            uncommitted=uncommitted(stack.file),
            own_program=stack.own_program,
            stopped=stack.cloud == "local" and find_cloud(project.home) is None,
        )

    def computes(self) -> Sequence[ComputeRow]:
        stack = self._stack()
        try:
            with computes_of(stack) as computes:
                region = self._region(stack)
                return [row_of(each, region) for each in computes.all().values()]
        except CloudStoppedError:
            return [row for row, _ in self._recorded(stack).values()]

    def compute(self, name: str) -> ComputeDetail:
        stack = self._stack()
        try:
            with computes_of(stack) as computes:
                found = computes.one(name)
                nodes = computes.nodes(name) if found.kind == "aml_compute" else ()
            row, document = row_of(found, self._region(stack)), found.document
        except CloudStoppedError:
            row, document = look_up(name, self._recorded(stack), noun="compute")
            nodes = ()
        in_file = row.declared and not stack.own_program
        settings = DeclaredComputes(self._name).declared(name) if in_file else {}
        return ComputeDetail(row, nodes, settings, document)

    def _recorded(self, stack: Stack) -> Mapping[str, tuple[ComputeRow, Document]]:
        loaded = stack.backend.load(self._project.name, self._name, Masked())
        computes = None if stack.own_program else stack.spec.computes
        return recorded(loaded, computes, self._region(stack))

    def _region(self, stack: Stack) -> str:
        """Return where a stack's workspace is."""
        if not stack.own_program:
            return stack.spec.location
        file = self._project.manifest_file(self._name)
        if not file.exists():
            raise never_deployed(self._name)
        return read_manifest(file, stack=self._name).workspace.location

    def power(self, name: str, action: PowerAction) -> None:
        DeclaredComputes(self._name).power(name, action)

    def forms(self) -> Sequence[ComputeForm]:
        return forms.forms()

    def sizes(self) -> Sequence[SizeChoice]:
        stack = self._stack()
        to = destination_of(stack)
        with closing(Client(to.endpoint, to.credential)) as client:
            found = PreflightQueries(client, stack.spec, to.subscription).region()
        return size_choices(list(found.sizes.values()), found.usages, stack.spec.location)

    def attachable(self, kind: str) -> Sequence[str]:
        if kind not in _FOUND_TYPES:
            return ()
        type_, version = _FOUND_TYPES[kind]
        to = destination_of(self._stack())
        path = f"/subscriptions/{to.subscription}/providers/{type_}"
        with closing(Client(to.endpoint, to.credential)) as client:
            try:
                return sorted(str(each["id"]) for each in pages(client, path, version))
            except ProviderError:
                return ()  # without permission to look, the id is typed

    def add_compute(self, kind: str, values: Mapping[str, str]) -> str:
        form = forms.form_of(
            look_up(kind, {each.kind: kind for each in forms.forms()}, noun="kind")
        )
        entry, secrets = forms.entered(form, values)
        name = values.get("name", "").strip()
        title = f"{'Attach' if form.attached else 'Create'} {kind_name(kind)} {name}"

        def edit(stack: Stack, file: StackFile) -> tuple[str, str]:
            place = f"{_COMPUTES}[{len(file.entries().get(_COMPUTES) or ())}]"
            write(file, place, {"kind": kind, **entry})
            _seal(stack, file, place, secrets)
            return title, place

        return self._edited(edit, form)

    def change_compute(self, name: str, values: Mapping[str, str]) -> str:
        def edit(stack: Stack, file: StackFile) -> tuple[str, str]:
            index = _index(stack, name)
            kind = stack.spec.computes[index].kind
            form = forms.form_of(kind)
            place = f"{_COMPUTES}[{index}]"
            known = {each.key: each for each in form.fields}
            changed = {
                key: text
                for key, text in values.items()
                if not _is(file, f"{place}.{key}", look_up(key, known, noun="setting"), text)
            }
            entry, secrets = forms.entered(form, changed)
            for key in changed:
                if not isinstance(entry.get(key), str | int):  # else it is written in its place
                    remove(file, f"{place}.{key}")
            write(file, place, entry)
            _seal(stack, file, place, secrets)
            verb = "Scale" if changed and changed.keys() <= _SCALING else "Change"
            return f"{verb} {kind_name(kind)} {name}", place

        return self._edited(edit)

    def remove_compute(self, name: str) -> str:
        def edit(stack: Stack, file: StackFile) -> tuple[str, str]:
            index = _index(stack, name)
            kind = stack.spec.computes[index].kind
            remove(file, f"{_COMPUTES}[{index}]")
            return f"{'Detach' if kind in ATTACHMENTS else 'Delete'} {kind_name(kind)} {name}", ""

        return self._edited(edit)

    def deploy(self) -> str:
        return self._begun("deploy", f"Deploy stack {self._name}", None)

    def drift(self) -> DriftReport:
        stack = open_stack(self._name, secrets="opened_if_possible")
        found = StackDrift(stack, _ignored).read()
        rows = [
            DriftedRow(
                each.deployed.name,
                short_type(each.deployed.type),
                each.gone,
                tuple(drift_lines(each, own_program=stack.own_program)),
            )
            for each in found.resources
        ]
        return DriftReport(rows, [f"{each.name}: {text}" for each, text in found.notes])

    def settle_drift(self, *, adopt: bool) -> str:
        if adopt:
            return self._begun("adopt", "Adopt the drift", None)
        return self._begun("revert", "Revert the drift", None)

    def changes(self) -> Sequence[Change]:
        return [files.change() for files in self._store.all()]

    def change(self, id: str) -> Change:
        return self._store.one(id).change()

    def apply(self, id: str) -> None:
        files = self._store.one(id)
        change = files.change()
        if change.state is ChangeState.APPLYING:
            return  # a button was pressed twice
        _require_planned(change)
        self._work(files, "apply")

    def discard(self, id: str) -> None:
        files = self._store.one(id)
        _require_planned(files.change())
        files.put(ChangeState.DISCARDED)

    def history(self) -> Sequence[Operation]:
        entries = self._stack().backend.history(self._project.name, self._name)
        return [
            Operation(
                number=len(entries) - index,
                kind=str(entry["kind"]),
                succeeded=entry["result"] == "succeeded",
                message=str(entry.get("message") or ""),
                begun=float(entry["startTime"]),
                ended=float(entry["endTime"]),
                changes=entry.get("resourceChanges") or {},
                failures=past_failures(entry),
            )
            for index, entry in enumerate(entries)
        ]

    def operation(self, number: int) -> Sequence[PlannedStep]:
        stack = self._stack()
        before, after = stack.backend.around(self._project.name, self._name, number)
        return changed_by(before, after, own_program=stack.own_program)

    def outputs(self) -> Document:
        return stack_outputs(self._stack(), show_secrets=False)

    def soft_deleted(self) -> Sequence[DeletedResource]:
        return [
            DeletedResource(each.kind, each.name, each.location, each.until, each.fate)
            for each in soft_deleted_rows(self._stack())
        ]

    def _stack(self) -> Stack:
        return open_stack(self._name, secrets="hidden")

    def _edited(
        self,
        edit: Callable[[Stack, StackFile], tuple[str, str]],
        form: ComputeForm | None = None,
    ) -> str:
        """Edit the stack file in memory, and plan the result.

        ``edit`` returns the title of the change, and the place that it edited.
        """
        stack = self._stack()
        if stack.own_program:
            raise UsageError(
                f"The program in {stack.project.main} is your own, so only it can declare"
                " computes.",
                remedy="Add the compute to the program and deploy it.",
                at=str(stack.file),
            )
        file = StackFile.read(stack.file)
        title, place = edit(stack, file)
        problems = inspect_text(file.text()).problems
        if problems:
            raise _form_error(problems, place, form)
        return self._begun("edit", title, file.text())

    def _begun(self, kind: Kind, title: str, proposed: str | None) -> str:
        base = self._project.stack_file(self._name).read_text(encoding="utf-8")
        with self._store.new(kind, title, base, proposed) as files:
            self._work(files, "plan")
        return files.id

    def _work(self, files: ChangeFiles, action: Literal["plan", "apply"]) -> None:
        """Start the process that works on a change; it holds the change's lock until it ends."""
        with files.locking(_ENDS_S) as lock, private_file(files.log).open("ab") as log:
            if action == "apply":
                _require_planned(files.change())  # nobody else has begun meanwhile
            files.put(ChangeState.APPLYING if action == "apply" else ChangeState.PLANNING)
            process = subprocess.Popen(
                # -P: keeps a folder `infra` of the project off sys.path.
                [sys.executable, "-P", "-m", "infra.deploy.console.worker", action,
                 str(files.folder), str(lock.fileno())],
                cwd=self._project.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # Ctrl-C in a terminal ends the studio alone
            )  # fmt: skip
        threading.Thread(target=process.wait, daemon=True).start()


def _seal(stack: Stack, file: StackFile, place: str, secrets: Mapping[str, str]) -> None:
    sealing = Settings(stack.project, stack.name)
    for key, secret in secrets.items():
        sealing.seal(file, f"{place}.{key}", secret)


def _is(file: StackFile, path: str, field: FormField, text: str) -> bool:
    """Return whether the file says already what was entered; what it leaves out is the default."""
    try:
        value = file.get(path, path=True)
    except UnknownNameError:
        value = None
    return not isinstance(value, Sealed) and forms.shown(field, value) == text.strip()


def _index(stack: Stack, name: str) -> int:
    known = {compute.name: index for index, compute in enumerate(stack.spec.computes)}
    return look_up(name, known, noun="compute in the stack file")


def _require_planned(change: Change) -> None:
    if change.state is not ChangeState.PLANNED:
        raise UsageError(
            f"This change is {change.state.lower()}, so it cannot be applied or given up.",
            remedy="Plan it again.",
        )


def _form_error(problems: Sequence[Problem], place: str, form: ComputeForm | None) -> PlatformError:
    """Return the error that says of each setting what is wrong with it."""
    known = [each.key for each in form.fields] if form else []
    fields: dict[str, str] = {}
    others = []
    for each in problems:
        inside = bool(place) and each.path.startswith(place)
        path = each.path.removeprefix(place).removeprefix(".")
        key = path if not form else _field_of(path, known)
        if inside and key:
            more = f" It {each.message}" if each.message[:1].islower() else f" {each.message}"
            fields[key] = fields[key] + more if key in fields else each.message
        else:
            others.append(each.message if inside else str(each))
    return FormError(fields, others)


def _field_of(path: str, known: Sequence[str]) -> str:
    """Return the field that a path is of or below, such as ``tags`` of ``tags.a``, or none.

    What is wrong with a map belongs to the first field of it.
    """
    within = [key for key in known if path == key or path.startswith((f"{key}.", f"{key}["))]
    inside = [key for key in known if path and key.startswith(f"{path}.")]
    return max(within, key=len, default=inside[0] if inside else "")


def _below(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def _ignored(_: Event) -> None:
    """Hear nothing: what cannot be read is in the error."""
