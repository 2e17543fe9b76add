"""What a registered model says of itself beside ARM's fields, and how models are found by it. Pure.

azureml-core has fields for the framework, the datasets and the resources; they are kept among the
properties of the version.
"""

import json
from typing import Dict, List, Optional, Sequence, Tuple, Union

from .resource_configuration import ResourceConfiguration
from .transport import section, texts

FRAMEWORK = "azureml.modelFramework"
FRAMEWORK_VERSION = "azureml.modelFrameworkVersion"
RESOURCES = "azureml.resourceRequirements"
DATASETS = "azureml.datasets"
SAMPLE_INPUT = "azureml.sampleInputData"
SAMPLE_OUTPUT = "azureml.sampleOutputData"
RUN = "aml.run"
"""The run that made the model, where the workspace does not hold the run."""
OWN = (FRAMEWORK, RESOURCES, DATASETS, SAMPLE_INPUT, SAMPLE_OUTPUT, "aml.")
"""How the names of properties begin that are no person's."""
Wanted = Union[None, Sequence[object], Dict[str, str]]
"""Tags or properties, given or searched for: names, (name, value), or a dictionary."""


def own_properties(
    model_framework: Optional[str] = None,
    model_framework_version: Optional[str] = None,
    resource_configuration: Optional[ResourceConfiguration] = None,
    datasets: Optional[Sequence[Tuple[str, object]]] = None,
    sample_input_dataset: object = None,
    sample_output_dataset: object = None,
) -> Dict[str, str]:
    """Return the properties that keep what is given."""
    resources = resource_configuration.serialize() if resource_configuration else None
    given = {
        FRAMEWORK: model_framework,
        FRAMEWORK_VERSION: model_framework_version,
        RESOURCES: json.dumps(resources, sort_keys=True) if resources else None,
        DATASETS: json.dumps(referenced(datasets), sort_keys=True) if datasets else None,
        SAMPLE_INPUT: dataset_id(sample_input_dataset),
        SAMPLE_OUTPUT: dataset_id(sample_output_dataset),
    }
    return {key: str(value) for key, value in given.items() if value}


def referenced(datasets: Sequence[Tuple[str, object]]) -> Dict[str, List[str]]:
    """Return the ids of datasets by the word they are given with."""
    known: Dict[str, List[str]] = {}
    for word, dataset in datasets:
        known.setdefault(str(word), []).append(str(dataset_id(dataset)))
    return known


def datasets_of(properties: Dict[str, str]) -> Dict[str, List[str]]:
    """Return the ids of all datasets that a version's properties name.

    Properties are immutable, so what was added later is under a key of its own.
    """
    known: Dict[str, List[str]] = {}
    for key in sorted(each for each in properties if each.startswith(DATASETS)):
        for word, ids in json.loads(properties[key]).items():
            there = known.setdefault(word, [])
            there += [each for each in ids if each not in there]
    return known


def dataset_id(dataset: object) -> Optional[str]:
    """Return the id of a dataset, or what stands for it."""
    return None if dataset is None else str(getattr(dataset, "id", dataset))


def pairs(given: Wanted) -> Dict[str, Optional[str]]:
    """Return names and values; the value is ``None`` where any will do."""
    if given is None:
        return {}
    if isinstance(given, dict):
        return dict(texts(given))
    listed = [given] if isinstance(given, str) else given
    return dict(
        (str(each[0]), str(each[1])) if isinstance(each, (tuple, list)) else (str(each), None)
        for each in listed
    )


def matching(
    documents: Sequence[Dict[str, object]],
    tags: Wanted,
    properties: Wanted,
    run_id: Optional[str],
    framework: Optional[str],
) -> List[Dict[str, object]]:
    """Return the versions that have all that is asked for."""
    return [
        document
        for document in documents
        if _has(document, "tags", pairs(tags))
        and _has(document, "properties", pairs(properties))
        and run_id in (None, run_of(document))
        and framework in (None, _texts(document, "properties").get(FRAMEWORK))
    ]


def run_of(document: Dict[str, object]) -> Optional[str]:
    """Return the id of the run that made a version, whichever place has it."""
    named = section(document, "properties").get("jobName")
    return str(named) if named else _texts(document, "properties").get(RUN)


def _has(document: Dict[str, object], field: str, wanted: Dict[str, Optional[str]]) -> bool:
    found = _texts(document, field)
    return all(name in found and value in (None, found[name]) for name, value in wanted.items())


def _texts(document: Dict[str, object], field: str) -> Dict[str, str]:
    return texts(section(document, "properties").get(field))
