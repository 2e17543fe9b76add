"""The local target: a process on this machine."""
