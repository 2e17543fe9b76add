"""Seconds as the service writes durations: ISO 8601, in the one form it answers with."""

_UNITS = ((86_400, "D", ""), (3_600, "H", "T"), (60, "M", "T"), (1, "S", "T"))


def iso_duration(seconds: int) -> str:
    """Return ``PT2M`` for 120: whole units, the largest first, as the service normalises it.

    Another form of the same span would look like drift after a refresh.
    """
    text, left = "P", int(seconds)
    for length, letter, marker in _UNITS:
        count, left = divmod(left, length)
        if count:
            text += ("T" if marker and "T" not in text else "") + f"{count}{letter}"
    return text if text != "P" else "PT0S"
