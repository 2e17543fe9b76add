"""The operations of `aml` on a stack, by the names that all doors have."""


class Aml:
    """`aml` on a stack of the project."""

    def __init__(self, project, stack="local"):
        self.project, self.stack = project, stack

    def changes(self):
        said = self._run("preview", "--no-fingerprint", "--expect-no-changes", code=None)
        assert said.code in {0, 5}, said.err
        return {"changes": said.err} if said.code else {}

    def up(self):
        self._run("up", "--yes")

    def refresh(self):
        self._run("refresh", "--yes")

    def unprotect(self):
        self._run("unprotect", "--all", "--yes")

    def destroy(self):
        self._run("destroy", "--yes")

    def _run(self, *arguments, code=0):
        said = self.project.aml(*arguments, "-s", self.stack)
        assert code in {None, said.code}, said.err
        return said
