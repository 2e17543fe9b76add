"""Everything that belongs to one operation on one stack, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.contract.json_types import Document
from infra.contract.provider import PluginSource, Provider
from infra.engine.deployment.recorder import NullRecorder, Recorder
from infra.engine.deployment.session import Cancellation, Options, Session
from infra.engine.model.events import Listener
from infra.engine.model.resources import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One operation: an update, a preview, a refresh or a destroy.

    ``loaded`` is the stack's state at the start and ``recorder`` receives the progress.
    ``providers`` and ``provider_config`` (whose values may be secret) are keyed by package;
    ``plugins`` has the providers of all others.
    """

    project: str
    stack: str
    loaded: Loaded
    recorder: Recorder
    providers: Mapping[str, Provider]
    listener: Listener
    plugins: PluginSource | None = None
    provider_config: Mapping[str, Document] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    cancellation: Cancellation = field(default_factory=Cancellation)

    def session(self) -> Session:
        """Return a new session. A preview gets only a recorder that records nothing."""
        recorder = self.recorder
        if self.options.preview and not isinstance(recorder, NullRecorder):
            recorder = NullRecorder(len(self.loaded.resources))
        return Session(recorder, self.options, self.listener, self.cancellation)
