"""How a deployment records its progress, so that a killed run loses nothing.

``state`` implements it over the journal; ``NullRecorder`` is for previews, which record nothing,
``PlanRecorder`` for those that decide whether anything is to be recorded.
An entry of state is known by a number (its *key*): loaded entries have their position in
``Loaded.resources``, new ones get theirs from ``begin`` or ``same``.
"""

from collections.abc import Sequence
from itertools import count
from typing import Protocol

from infra.contract.json_types import Document
from infra.engine.model.resources import Loaded, OperationKind, Resource


class Recorder(Protocol):
    """Receives progress. Called from several threads; every call is atomic."""

    def begin(
        self, kind: OperationKind, resource: Resource, /, *, absent_checked: bool = False
    ) -> int:
        """Record that a provider call is about to start; return the operation's key.

        Durable before it returns for whatever leaves something behind in the cloud (a create, an
        import). ``resource`` is as it will be (the checked inputs with the auto-name); for a
        delete, as it is. For a create, ``absent_checked`` says that nothing existed at its id.
        """

    def ok(
        self,
        operation: int,
        resource: Resource | None,
        /,
        *,
        removes: Sequence[int] = (),
        deletes: Sequence[int] = (),
        pends: Sequence[int] = (),
    ) -> None:
        """Record, durably, that an operation succeeded; one atomic entry.

        ``resource`` takes the key of the operation (``None`` for a delete). Entries in
        ``removes`` are gone, those in ``deletes`` are now marked ``delete``, those in ``pends``
        are marked ``pending_replacement``.
        """

    def fail(self, operation: int, /) -> None:
        """Record that the operation failed and changed nothing; state is as before ``begin``."""

    def same(self, key: int | None, resource: Resource, /) -> int:
        """Record an entry that needed no provider call; return its new key.

        ``key`` is the old entry it continues, ``None`` for a new one (a component, the stack).
        Costs no write of its own when nothing in it changed.
        """

    def outputs(self, key: int, outputs: Document, /) -> None:
        """Replace the outputs of the entry ``key`` (``RegisterResourceOutputs``)."""

    def forget(self, keys: Sequence[int], /) -> None:
        """Drop entries without a provider call (retained, external, gone)."""

    def rename(self, old: str, new: str, /) -> None:
        """Record that a resource now has another URN (an alias matched).

        From here on every mention of ``old`` in entries (their own URN, parent, dependencies,
        property dependencies, provider, deleted_with, replace_with) means ``new``. It is called
        before the entry itself is recorded under ``new``; it may share that entry's write.
        """

    def settle(self, pending: Sequence[int], /) -> None:
        """Drop operations of an interrupted run, by position in ``Loaded.pending``.

        For those whose end is known now (read back, or found absent). What happens to an entry
        settles the old update, delete or read of the same URN and id by itself; an old create
        stays until it is settled.
        """


class NullRecorder:
    """Records nothing: for previews, and for tests of decisions."""

    def __init__(self, loaded: int = 0) -> None:
        self._keys = count(loaded)

    def begin(self, _kind: OperationKind, _resource: Resource, /, **_options: object) -> int:
        return next(self._keys)

    def ok(
        self,
        operation: int,
        resource: Resource | None,
        /,
        *,
        removes: Sequence[int] = (),
        deletes: Sequence[int] = (),
        pends: Sequence[int] = (),
    ) -> None: ...

    def fail(self, operation: int, /) -> None: ...

    def same(self, _key: int | None, _resource: Resource, /) -> int:
        return next(self._keys)

    def outputs(self, key: int, outputs: Document, /) -> None: ...

    def forget(self, keys: Sequence[int], /) -> None: ...

    def rename(self, old: str, new: str, /) -> None: ...

    def settle(self, pending: Sequence[int], /) -> None: ...


class PlanRecorder(NullRecorder):
    """Records nothing, and knows whether a run like this one would change state.

    What only state knows (`protect`, outputs, a line of the program) may differ where no resource
    does: then a plan without changes is applied all the same.
    """

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(len(loaded.resources))
        self._loaded = loaded.resources
        self._changed = False  # set from several threads, and never back to False

    @property
    def changed(self) -> bool:
        return self._changed

    def begin(self, kind: OperationKind, resource: Resource, /, **options: object) -> int:
        self._changed = True
        return super().begin(kind, resource, **options)

    def same(self, key: int | None, resource: Resource, /) -> int:
        if key is None or key >= len(self._loaded) or self._loaded[key] != resource:
            self._changed = True
        return super().same(key, resource)

    def outputs(self, _key: int, _outputs: Document, /) -> None:
        self._changed = True

    def forget(self, keys: Sequence[int], /) -> None:
        self._changed = self._changed or bool(keys)

    def rename(self, _old: str, _new: str, /) -> None:
        self._changed = True

    def settle(self, pending: Sequence[int], /) -> None:
        self._changed = self._changed or bool(pending)
