"""The four operations on a stack, as commands, histories and messages name them."""

from typing import Final, Literal

Name = Literal["preview", "up", "refresh", "destroy"]
Form = Literal["text", "json", "markdown"]
"""The forms of a result: for people, for programs, and for a comment on a pull request."""
TITLES: Final = {
    "preview": "Preview",
    "up": "Up",
    "refresh": "Refresh",
    "destroy": "Destroy",
    "drift --revert": "Drift --revert",
    "import": "Import",
}
