"""The four operations on a stack, as commands, histories and messages name them."""

from typing import Final, Literal

Name = Literal["preview", "up", "refresh", "destroy"]
TITLES: Final = {
    "preview": "Preview",
    "up": "Up",
    "refresh": "Refresh",
    "destroy": "Destroy",
    "drift --revert": "Drift --revert",
    "import": "Import",
}
