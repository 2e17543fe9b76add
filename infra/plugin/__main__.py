"""The provider as a plugin of the Pulumi CLI: what the executable beside it runs."""

import sys

from infra.plugin.serving import serve

if __name__ == "__main__":
    serve(sys.argv[1:])
