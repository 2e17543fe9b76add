"""A project, and the plugin started in it as the Pulumi CLI starts it."""

import pytest

from tests.interop import conftest as interop
from tests.plugin.conversation import Plugin

project = interop.project


@pytest.fixture
def plugin(project):
    started = Plugin(project.root)
    yield started
    if started.process.poll() is None:
        started.close()


@pytest.fixture
def configured(plugin):
    """Return a plugin that is configured for stack `local`."""
    plugin.configured(location="westeurope")
    return plugin
