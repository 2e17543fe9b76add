"""The base model of stack files: strict about keys, and never quotes values."""

from pydantic import BaseModel, ConfigDict


class SpecModel(BaseModel):
    """One map in a stack file.

    Rejects unknown keys. Accepts a number as text (``name: 42``), and text as a number
    (``max_nodes: "4"``, as ``pulumi config set`` writes it). pydantic's errors never quote the
    input, because it may hold a secret.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        # Most are validated as part of another only: what each would need of its own is not built.
        defer_build=True,
    )
