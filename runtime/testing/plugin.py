"""The pytest plugin: fixtures for projects that test against the local cloud."""
