"""State as a refresh would leave it, in memory: to plan on a local cloud that was reset."""

from collections.abc import Sequence

from infra.engine.deployment.recorder import NullRecorder
from infra.engine.model.resources import Loaded, Resource


class RefreshedState(NullRecorder):
    """A recorder that keeps what a refresh finds, and writes nothing."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(len(loaded.resources))
        self._pending = loaded.pending
        self._found: list[Resource] = []
        self._settled: set[int] = set()

    @property
    def loaded(self) -> Loaded:
        """The state that a deployment would start from."""
        left = [each for at, each in enumerate(self._pending) if at not in self._settled]
        return Loaded(self._found, left)

    def same(self, key: int | None, resource: Resource) -> int:
        self._found.append(resource)
        return super().same(key, resource)

    def ok(
        self,
        operation: int,
        resource: Resource | None,
        *,
        removes: Sequence[int] = (),
        deletes: Sequence[int] = (),
        pends: Sequence[int] = (),
    ) -> None:
        """Keep what was adopted."""
        super().ok(operation, resource, removes=removes, deletes=deletes, pends=pends)
        if resource is not None:
            self._found.append(resource)

    def settle(self, pending: Sequence[int]) -> None:
        self._settled |= set(pending)
