"""The workspace of the studio's stack, opened for one page."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.contract.errors import PlatformError
from runtime.api.exceptions import AzureMLException, azureml_errors
from runtime.api.workspace import Workspace
from runtime.studio.site import Site
from runtime.submit.session import open_session


@contextmanager
def opened_workspace(site: Site) -> Iterator[Workspace]:
    """Open the workspace with connections of its own, as pages are made in several threads.

    Raises ``NotDeployedError`` if the stack deployed none.
    """
    own = site.session
    session = open_session(own.stack, own.targets.manifest_file, own.home)
    try:
        with azureml_errors():
            yield Workspace(session)
    except AzureMLException as error:
        # Nobody raised azureml-core's exceptions here: ours say what to do.
        if isinstance(error.__cause__, PlatformError):
            raise error.__cause__ from None
        raise
    finally:
        session.close()
