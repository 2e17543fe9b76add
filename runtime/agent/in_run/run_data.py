"""The inputs and outputs of a run by name: a path for files, a dataset for tables.

The target says in variables where they are.
"""

import json
import os
import typing

from .errors import UserErrorException
from .loading import load

_INPUTS, _OUTPUTS = "AML_INPUT_DATASETS", "AML_OUTPUT_DATASETS"
_PLACE = "AZUREML_DATAREFERENCE_"


class Inputs(typing.Dict[str, typing.Any]):
    """The inputs by name; a name that is not there is refused with those that are."""

    def __missing__(self, name: str) -> typing.NoReturn:
        known = ", ".join(sorted(self)) or "none"
        raise UserErrorException(f"The run has no input {name!r}; it has {known}.")


def inputs(workspace: typing.Any) -> Inputs:
    """Return the inputs. A dataset is looked up in the workspace."""
    found = Inputs()
    for name, value in _named(_INPUTS).items():
        is_place = os.path.exists(value) or "/" in value
        found[name] = value if is_place else _dataset(workspace, value)
    return found


def outputs() -> typing.Dict[str, str]:
    """Return the folders of the outputs."""
    return dict(_named(_OUTPUTS))


def _named(variable: str) -> typing.Dict[str, str]:
    """Return the values by name, from one variable with all or from one for each."""
    listed = os.environ.get(variable)
    if listed is not None:
        return {str(key): str(value) for key, value in json.loads(listed).items()}
    if variable == _OUTPUTS:
        return {}
    places = [key for key in os.environ if key.startswith(_PLACE)]
    return {key[len(_PLACE) :]: os.environ[key] for key in places}


def _dataset(workspace: typing.Any, reference: str) -> typing.Any:
    """Return a dataset by its id, or by ``name:version``."""
    dataset = load(".assets.dataset:Dataset")
    name, _, version = reference.rpartition(":")
    if name and (version.isdigit() or version == "latest"):
        number = int(version) if version.isdigit() else "latest"
        return dataset.get_by_name(workspace, name, number)
    return dataset.get_by_id(workspace, reference)
