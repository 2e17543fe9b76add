"""The picture that ``log_image`` logs: a file, or a plot of matplotlib, which is not imported."""

import io
import os
import typing

from .errors import UserErrorException


def picture(
    name: str, path: typing.Optional[str], plot: typing.Any
) -> typing.Tuple[typing.BinaryIO, int, str]:
    """Return an open stream, its size and its extension. Raises ``UserErrorException``."""
    if (path is None) == (plot is None):
        raise UserErrorException(f"log_image({name!r}) needs either path= or plot=.")
    if path is not None:
        if not os.path.isfile(str(path)):
            raise UserErrorException(f"log_image({name!r}): there is no file {path}.")
        stream = open(str(path), "rb")  # noqa: SIM115 - the caller closes it
        return stream, os.path.getsize(str(path)), os.path.splitext(str(path))[1]
    figure = plot if hasattr(plot, "savefig") else getattr(plot, "figure", None)
    if not hasattr(figure, "savefig"):
        kind = type(plot).__name__
        raise UserErrorException(
            f"log_image({name!r}): plot is of type {kind}, which has no savefig. Give matplotlib's"
            " figure or pyplot itself."
        )
    content = io.BytesIO()
    typing.cast("typing.Any", figure).savefig(content, format="png")
    size = content.tell()
    content.seek(0)
    return content, size, ".png"
