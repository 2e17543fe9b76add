"""What can be the name of an environment variable."""


def usable_name(name: str) -> bool:
    """Return whether a process can be given a variable of this name."""
    return bool(name) and "=" not in name and "\0" not in name
