"""Plays the Pulumi CLI: our engine, to which `azure-native` is a plugin like any other.

Every call to the provider goes over gRPC to the process that the CLI would start; the state is the
one that the CLI would write. What only the CLI's own code does is not tested by it.
"""

from contextlib import closing, contextmanager
from dataclasses import dataclass

from infra.contract.errors import PlatformError
from infra.deploy.run.plugins import Plugins
from infra.deploy.run.runner import PACKAGE, Runner
from infra.deploy.run.stack_operations import runner_of
from infra.deploy.stack.stacks import open_stack
from infra.engine.deployment.builtin import BuiltinProvider
from infra.engine.deployment.recorder import NullRecorder
from infra.engine.deployment.session import Cancellation, Options
from infra.engine.model.events import Finished, Message
from infra.engine.state.archive import OperationInfo

QUIET = {"same", "read"}


class PluginRunner(Runner):
    """A runner whose default provider gets the stack file's configuration, as with the CLI."""

    __slots__ = ()

    @contextmanager
    def _providers(self, listener):
        project = self.project
        plugins = Plugins(project.root, project.main, project.name, listener, own=False)
        with closing(plugins):
            yield {"pulumi": BuiltinProvider(self.outputs_of)}, plugins

    def provider_config(self):
        config = super().provider_config()
        for key in ("subscriptionId", "tenantId", "cloudId"):
            del config[PACKAGE][key]
        return config


@dataclass(frozen=True)
class Ran:
    """What an operation did: steps by kind (a component counts too), and all that it said."""

    failed: bool
    counts: dict[str, int]
    said: str


class StandIn:
    """The operations of the CLI on a stack of the project in the working folder."""

    def __init__(self, stack="local"):
        self.stack = stack

    def changes(self):
        """Return what an update would do, by operation; what stays as it is left out."""
        ran = self._operated("update", lambda runner: runner.run, preview=True)
        assert not ran.failed, ran.said
        return {op: n for op, n in ran.counts.items() if op not in QUIET}

    def up(self):
        self._good("update", lambda runner: runner.run)

    def refresh(self):
        self._good("refresh", lambda runner: runner.refresh)

    def destroy(self):
        self._good("destroy", lambda runner: runner.destroy)

    def _good(self, kind, act):
        ran = self._operated(kind, act)
        assert not ran.failed, ran.said

    def _operated(self, kind, act, *, preview=False):
        events = []
        stack = open_stack(self.stack)
        made = runner_of(stack, events.append, Cancellation())
        runner = PluginRunner(*(getattr(made, name) for name in Runner.__slots__))
        options = Options(preview=preview)
        with stack.backend.open(
            stack.project.name, stack.name, stack.cipher, OperationInfo(kind, "")
        ) as state:
            recorder = NullRecorder(len(state.loaded.resources)) if preview else state
            try:
                ended = act(runner)(state.loaded, recorder, options)
            except PlatformError as failure:
                return Ran(failed=True, counts={}, said=str(failure))
            if not preview:
                state.ended(succeeded=not ended.summary.failed, changes={})
        counts = {str(op): n for op, n in ended.changes.items() if n}
        texts = [each.text for each in events if isinstance(each, Message)]
        errors = [each.error for each in events if isinstance(each, Finished) and each.error]
        return Ran(ended.summary.failed, counts, "\n".join([*texts, *errors]))
