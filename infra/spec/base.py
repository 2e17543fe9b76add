"""The base of every model of a stack file: strict about keys, silent about values."""

from pydantic import BaseModel, ConfigDict


class SpecModel(BaseModel):
    """One map in a stack file.

    Unknown keys are refused. Numbers stand for text where text is wanted (``name: 42``), and text
    for numbers (``max_nodes: "4"``, which is what ``pulumi config set`` writes). Input never shows
    in an error's own text: it may hold a secret.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True
    )
