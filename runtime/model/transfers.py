"""A step that copies data between datastores: a run on this machine, which fetches and stores it.

Azure ML has Data Factory do it. Here it is a run like any other: it can be followed, canceled, and
reused while what it copies stays the same. Pure.
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from runtime.model.data import DataInput, DataLocation, DataOutput, data_variable
from runtime.model.runs import RunSpec

OUTPUT: Final = "destination"


def transfer(
    name: str, source: DataLocation, destination: DataLocation, *, single: bool = False
) -> RunSpec:
    """Return the run that copies what is at ``source`` to ``destination``.

    ``name`` is the input's. The run sends no code. ``single``: the source is a file, and
    ``destination`` is a path of one.
    """
    file = ""
    if single:
        path = PurePosixPath(destination.path)
        file = path.name
        destination = replace(destination, path=str(path.parent))
    read, written = f"${data_variable(name)}", f"${data_variable(OUTPUT)}"
    folder = f'cp -R "{read}/." "{written}/"'
    return RunSpec(
        script="",
        source_directory=Path(),
        command=f'if [ -d "{read}" ]; then {folder}; else cp "{read}" "{written}/{file}"; fi',
        inputs=(DataInput(name, source),),
        outputs=(DataOutput(OUTPUT, destination, "upload", overwrite=True, file=file),),
    )
