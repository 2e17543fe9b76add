"""Types that are made when they are used are those that the SDK's own code makes."""

import json
import subprocess
import sys

import pytest

SHOW = """
import json, sys
from contextlib import nullcontext
from pulumi import _types
from infra.engine.monitor.lazy_types import lazily_defined

lazy, package = sys.argv[1] == "lazy", f"pulumi_azure_native.{sys.argv[2]}"
with lazily_defined("pulumi_azure_native") if lazy else nullcontext():
    module = __import__(package, fromlist=["_inputs"])
    kinds = [module._inputs, module.outputs, module._enums]
made = [sum(isinstance(value, type) for value in vars(kind).values()) for kind in kinds]
made.append(sum(name.startswith(f"{package}.") for name in sys.modules))
scope = {}
exec(f"from {package} import *", scope)
scope.pop("__builtins__")

def typed(found):
    if _types.is_input_type(found):
        return _types.input_type_types(found)
    return _types.output_type_types(found) if _types.is_output_type(found) else {}

def shown(found):
    if not isinstance(found, type):
        return [getattr(found, key, "") for key in ("__module__", "__qualname__", "__name__")]
    types = {key: str(value) for key, value in sorted(typed(found).items())}
    # Without `_abc_…` caches, and what an enum keeps of the values that it was asked for.
    own = sorted(key for key in vars(found) if not key.startswith("_abc"))
    base = [each.__name__ for each in found.__mro__]
    token = str(getattr(found, "pulumi_type", ""))
    return [found.__module__, found.__qualname__, base, own, types, token]

names = {f"{kind.__name__}.{name}": getattr(kind, name) for kind in kinds for name in kind.__all__}
print(json.dumps([made, {name: shown(found) for name, found in {**names, **scope}.items()}]))
"""


def shown(how, package):
    command = [sys.executable, "-c", SHOW, how, package]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", ["machinelearningservices", "storage"])
def test_what_is_made_late_is_what_is_made_at_once(package):
    few, late = shown("lazy", package)
    many, at_once = shown("eager", package)
    assert late == at_once
    assert all(a < b / 2 for a, b in zip(few, many, strict=True))


NAMED = """
from infra.engine.monitor.lazy_types import lazily_defined
with lazily_defined("pulumi_azure_native"):
    import pulumi_azure_native.keyvault.get_vault
    from pulumi_azure_native import keyvault
print(callable(keyvault.get_vault), keyvault.get_vault is pulumi_azure_native.keyvault.get_vault)
print(keyvault.vault.Vault is keyvault.Vault, keyvault.SkuName.STANDARD.value)
try:
    keyvault.Vaults
except AttributeError as error:
    print(error)
"""


def test_a_function_keeps_the_name_that_its_module_has_too():
    command = [sys.executable, "-W", "error", "-c", NAMED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == (
        "True True\nTrue standard\n"
        "module 'pulumi_azure_native.keyvault' has no attribute 'Vaults'\n"
    )


@pytest.mark.parametrize("odd", ["class Odd(Base):\n    pass\n", "VALUE = [1]\n"])
def test_a_module_of_another_form_is_executed_as_it_is(tmp_path, odd):
    package = tmp_path / "generated"
    package.mkdir()
    (package / "__init__.py").write_text("from ._inputs import *\n")
    (package / "_inputs.py").write_text(
        "# coding=utf-8\nimport pulumi\nBase = object\n\n__all__ = [\n    'OneArgs',\n]\n\n"
        "@pulumi.input_type\nclass OneArgs:\n    pass\n\n" + odd.replace("VALUE", "OneArgs.VALUE")
    )
    code = (
        "from infra.engine.monitor.lazy_types import lazily_defined\n"
        "with lazily_defined('generated'): import generated\n"
        "print('OneArgs' in vars(generated))"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"
