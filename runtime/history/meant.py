"""Which run was meant by an id that no run has. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

from infra.contract.load import one_of


def meant_run(run_id: str, newest: Sequence[str]) -> str:
    """Return a sentence with the nearest of the newest runs; the ids of all would say nothing."""
    if not newest:
        return "There is no run yet."
    near = get_close_matches(run_id, newest, n=3, cutoff=0.7)
    hint = f"Did you mean {one_of(near)}?" if near else f"The newest is {newest[0]}."
    return f"{hint} `aml runs` lists them."
