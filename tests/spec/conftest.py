import pytest

from infra.spec.load import inspect_text

WORKSPACE = "{name: demo, resource_group: demo-rg}"


@pytest.fixture
def inspect():
    """Inspect a valid stack file with the given lines added below `config:`."""

    def look(*lines, **keys):
        whole = {
            "azure-native:location": "westeurope",
            "aml:cloud": "local",
            "aml:workspace": WORKSPACE,
        } | {f"aml:{key}": value for key, value in keys.items()}
        text = [f"  {key}: {value}" for key, value in whole.items()]
        return inspect_text("\n".join(["config:", *text, *(f"  {line}" for line in lines)]) + "\n")

    return look
