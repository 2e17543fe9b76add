"""Imported first, it makes ``azureml`` mean this product: in a notebook, in the first cell.

``python -m aml_platform.v1 SCRIPT [ARGUMENTS]`` runs a script or a notebook that way, unchanged.
"""

import sys

from runtime.cli.root import main
from runtime.v1.finder import activate

if __name__ == "__main__":
    main(["v1", "run", *sys.argv[1:]])
else:
    activate()
