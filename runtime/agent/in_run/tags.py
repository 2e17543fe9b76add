"""Tags without a value: ``None`` to a script, as azureml-core has them, and empty text elsewhere.

MLflow has no tags without a value, so one with an empty value is ``None``, too.
"""

import typing


def tag_texts(pairs: typing.Mapping[str, typing.Any]) -> typing.Dict[str, str]:
    """Return tags or properties as they are kept."""
    return {str(key): "" if value is None else str(value) for key, value in pairs.items()}


def shown_tags(tags: typing.Mapping[str, str]) -> typing.Dict[str, typing.Optional[str]]:
    """Return tags as a script reads them."""
    return {key: value or None for key, value in tags.items()}
