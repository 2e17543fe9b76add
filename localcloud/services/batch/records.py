"""The pools, nodes, jobs and tasks of one Batch account, as documents in the cloud's store.

A document is what the service returns for it; what only the local cloud needs to know is below
``_local``, which ``shown`` leaves out.
"""

import uuid
from dataclasses import dataclass
from typing import Final, Literal

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.cloud import Cloud
from localcloud.calls.times import iso

Kind = Literal["pool", "node", "job", "task"]
LOCAL: Final = "_local"
_PREFIX: Final = "batch:"


def accounts_with(cloud: Cloud, kind: Kind) -> list[str]:
    """Return the names of the accounts that have any such document."""
    spaces = cloud.store.documents.spaces(kind)
    return [space.removeprefix(_PREFIX) for space in spaces if space.startswith(_PREFIX)]


@dataclass(frozen=True, slots=True)
class Records:
    """The documents of one account; ``account`` is its name in lower case.

    A node is addressed by pool and node, a task by job and task. Ids ignore case.
    """

    cloud: Cloud
    account: str

    @property
    def url(self) -> str:
        """The account's endpoint."""
        return f"{self.cloud.url}/batch/{self.account}"

    def get(self, kind: Kind, *ids: str) -> JsonObject | None:
        return self.cloud.store.documents.get(self._space, kind, "/".join(ids))

    def all(self, kind: Kind, parent: str = "") -> list[JsonObject]:
        """Return all of a kind, oldest first; with ``parent``, those of one pool or job."""
        prefix = f"{parent}/" if parent else ""
        return self.cloud.store.documents.all(self._space, kind, prefix)

    def add(self, kind: Kind, *ids: str, document: Document) -> bool:
        """Store a new document; ``False`` if there is one with these ids."""
        return self.cloud.store.documents.add(self._space, kind, "/".join(ids), document)

    def put(self, kind: Kind, *ids: str, document: Document) -> None:
        self.cloud.store.documents.put(self._space, kind, "/".join(ids), document)

    def remove(self, kind: Kind, *ids: str) -> None:
        self.cloud.store.documents.remove(self._space, kind, "/".join(ids))

    def forget(self) -> None:
        self.cloud.store.documents.forget(self._space)

    def new(self, path: str, body: Document, state: str, **more: object) -> JsonObject:
        """Return the document of something new at ``path`` below the account's endpoint."""
        now = iso(self.cloud.clock())
        return {
            **body,
            "url": f"{self.url}/{path}",
            "creationTime": now,
            "state": state,
            "stateTransitionTime": now,
            **self.touched(),
            **more,
        }

    def touched(self) -> JsonObject:
        """Return what every change of a document sets."""
        return {"eTag": f"0x{uuid.uuid4().hex[:16].upper()}", "lastModified": self.now()}

    def now(self) -> str:
        return iso(self.cloud.clock())

    @property
    def _space(self) -> str:
        return _PREFIX + self.account


def moved(document: Document, state: str, now: str, **changes: object) -> JsonObject:
    """Return a document in another state, with the time and the state before."""
    return {
        **document,
        "previousState": document["state"],
        "previousStateTransitionTime": document["stateTransitionTime"],
        "state": state,
        "stateTransitionTime": now,
        **changes,
    }


def shown(document: Document) -> JsonObject:
    """Return a document as the service returns it."""
    return {key: value for key, value in document.items() if key != LOCAL}
