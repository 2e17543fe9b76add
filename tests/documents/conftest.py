"""One deployed stack a module; its commands run in this process."""

import pytest

from infra.contract.discovery import ensure_cloud
from localcloud import control
from tests.documents.page import Page, deployed, write_index


@pytest.fixture(scope="session")
def indexed(tmp_path_factory):
    """Return the folder of a running cloud whose packages come from an index of our own."""
    home = tmp_path_factory.mktemp("indexed")
    write_index(home / "index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", (home / "index").as_uri())
        patch.setenv("AML_CLOUD_CONTAINERS", "off")  # no image of the pages can be pulled
        ensure_cloud(home)
    yield home
    control.stop(home)


@pytest.fixture(scope="module")
def stack(request, tmp_path_factory, indexed):
    """Return the module's project; its workspace is called as the page, or as ``WORKSPACE``."""
    module = request.module
    name = getattr(module, "WORKSPACE", module.PAGE.replace("_", "-"))
    folder = tmp_path_factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", (indexed / "index").as_uri())
        computes = getattr(module, "COMPUTES", "")
        with deployed(folder, name, indexed / "cloud", computes) as project:
            yield project


@pytest.fixture
def page(request, stack, capsys):
    stack.capture = capsys
    return Page(request.module.PAGE, stack, dict(getattr(request.module, "VALUES", {})))
