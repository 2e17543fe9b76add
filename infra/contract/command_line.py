"""The command lines that hints tell a person to type. Pure."""


def stack_command(command: str, stack: str) -> str:
    """Return an `aml` command on one stack, in backticks, complete as it is to be typed.

    It always names the stack: the selected one may be another, now or when the hint is read.

    >>> stack_command("destroy --yes", "dev")
    '`aml destroy --yes -s dev`'
    """
    return f"`aml {command} -s {stack}`"
