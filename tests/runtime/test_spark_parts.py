"""What is sent along with a PySpark script works where it is unpacked."""

import subprocess
import sys
import tarfile
import venv

from runtime.agent.spark_parts import Parts

SAYS = "import sys\nprint(sys.prefix, *sys.argv[1:])\n"


def packed(tmp_path):
    """Return an environment with programs, and where its archive was unpacked; it is gone."""
    made, there = tmp_path / "made", tmp_path / "unpacked" / "here"
    venv.create(made, symlinks=True)
    programs = {
        "tool": f"#!{made}/bin/python\n{SAYS}",
        "other": f"#!{sys.executable}\n{SAYS}",
        "shell": '#!/bin/sh\necho "shell $1"\n',
    }
    for name, text in programs.items():
        (made / "bin" / name).write_text(text)
        (made / "bin" / name).chmod(0o755)
    (tmp_path / "parts").mkdir()
    archive = Parts(tmp_path / "parts", tmp_path).environment(made)
    with tarfile.open(archive) as opened:
        names = opened.getnames()
    there.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", archive, "-C", there], check=True)
    assert len(names) == len(set(names))
    made.rename(tmp_path / "gone")
    return there


def test_programs_of_a_packed_environment_use_the_python_beside_them(tmp_path):
    there = packed(tmp_path)

    def said(name):
        done = subprocess.run(
            [there / "bin" / name, "a b"], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert said("tool") == f"{there} a b"
    assert said("other") == f"{sys.prefix} a b"
    assert said("shell") == "shell a b"
