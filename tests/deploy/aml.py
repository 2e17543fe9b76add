"""The `aml` command as a process: what the installed script does."""

from runtime.cli.root import main

main()
