"""A studio on a project that can be deployed: its stack, and the local cloud behind it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from infra.deploy.console.console import Console
from localcloud.console import LocalCloudConsole
from runtime.studio.access import Access
from runtime.studio.server import Studio
from runtime.submit.session import open_session
from tests.deploy.project import Project

EVIL = "<script>alert(1)</script>"


@dataclass
class Shop:
    """A project, and a client of its studio."""

    project: Project
    client: httpx.Client
    access: Access

    @property
    def console(self) -> Console:
        """The stack as the studio has it."""
        return Console("local")

    @property
    def origin(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def link(self) -> str:
        return f"{self.origin}/enter?token={self.access.new_link()}"

    def text(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **fields: str) -> httpx.Response:
        session = next(iter(self.client.cookies.values()))
        data = {"form_token": self.access.form_token(session), **fields}
        return self.client.post(path, data=data, headers={"Origin": self.origin})


@contextmanager
def studio_of(project: Project) -> Iterator[Shop]:
    """Serve a project that is the working folder; the client has begun a session."""
    sessions = open_session("local"), open_session("local")
    studio = Studio(
        *sessions,
        console=lambda: Console("local"),
        cloud=lambda: LocalCloudConsole(project.home),
    )
    serving = threading.Thread(target=studio.serve)
    serving.start()
    try:
        with httpx.Client(base_url=studio.address, trust_env=False, timeout=120) as client:
            shop = Shop(project, client, studio.access)
            client.get(shop.link())
            yield shop
    finally:
        studio.stop()
        serving.join()
        for session in sessions:
            session.close()
