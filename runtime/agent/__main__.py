"""``python -m runtime.agent``: the same as the zipapp."""

import sys

from runtime.agent.entry import main

if __name__ == "__main__":
    sys.exit(main())
