"""What a command asks of one operation on a stack. Values only, and cheap to import."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.engine.deployment.session import Options
from infra.engine.planning.targets import Targets


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """The options of one operation. ``message`` is recorded in the history.

    ``replace`` holds names of the stack file, or URNs; ``replace_workspaces`` the workspaces that
    may be replaced. A refresh forgets interrupted operations with ``clear_pending``;
    ``import_pending`` has ids of interrupted creates by URN. ``targets`` limits the operation.
    A destroy runs the program with ``run_program``. ``required_only``: a refresh reads what has to
    be refreshed before each update.
    """

    parallel: int = 16
    continue_on_error: bool = False
    expect_no_changes: bool = False
    refresh: bool = False
    replace: frozenset[str] = frozenset()
    replace_workspaces: frozenset[str] = frozenset()
    message: str = ""
    clear_pending: bool = False
    import_pending: Mapping[str, str] = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)
    run_program: bool = False
    required_only: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the stack and its program alone decide the result."""
        forced = self.refresh or self.replace or self.replace_workspaces or self.targets
        return not (forced or self.message)

    def options(self, *, preview: bool) -> Options:
        """Return the engine's options of one run; ``replace`` holds URNs by now."""
        return Options(
            preview=preview,
            parallel=self.parallel,
            continue_on_error=self.continue_on_error,
            replace=self.replace,
            clear_pending=self.clear_pending,
            import_pending=self.import_pending,
            targets=self.targets,
            required_only=self.required_only,
            destroys=self.run_program,
        )
