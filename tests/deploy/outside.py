"""Changes in the cloud behind a stack's back, as the studio and other tools make them."""

from contextlib import contextmanager
from typing import Any

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION

VERSION = "2025-12-01"


class Outside:
    """Somebody else in the project's workspace. ``path`` is below the workspace's id."""

    def __init__(self, project):
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg"
        self.workspace = (
            f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{project.name}"
        )
        self._home = project.home

    def call(self, method: str, path: str, body: Any = None) -> Any:
        client = local_client(self._home)
        try:
            answer = client.complete(
                method, f"{self.workspace}{path}", api_version=VERSION, body=body
            )
        finally:
            client.close()
        return answer.document

    def put(self, path: str, **changes: Any) -> None:
        """Read the resource at ``path``, change it and put it back; keys are dotted paths."""
        document = self.call("GET", path)
        for key, value in changes.items():
            *above, last = key.split(".")
            node = document
            for step in above:
                node[step] = node.get(step) or {}
                node = node[step]
            node[last] = value
        self.call("PUT", path, document)


@contextmanager
def unchanged(*files):
    """Make sure that files are byte for byte what they were."""
    before = [file.read_bytes() for file in files]
    yield
    assert [file.read_bytes() for file in files] == before
