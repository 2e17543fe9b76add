"""One deployed stack a module; its commands run in this process."""

import pytest

from tests.documents.page import Page, deployed


@pytest.fixture(scope="module")
def stack(request, tmp_path_factory):
    """Return the module's project, whose workspace is named after the module's page."""
    name = request.module.PAGE.replace("_", "-")
    with deployed(tmp_path_factory.mktemp(name), name) as project:
        yield project


@pytest.fixture
def page(request, stack, capsys):
    stack.capture = capsys
    return Page(request.module.PAGE, stack, dict(getattr(request.module, "VALUES", {})))
