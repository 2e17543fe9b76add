"""The id of a run: ``<experiment>_<epoch seconds>_<8 hex>``."""

import os


def new_token(now: float) -> str:
    """Return the part of a new id after the experiment; ``now`` is seconds since the epoch."""
    return f"{int(now)}_{os.urandom(4).hex()}"


def run_id(experiment: str, token: str) -> str:
    """Return the id of a run."""
    return f"{experiment}_{token}"
