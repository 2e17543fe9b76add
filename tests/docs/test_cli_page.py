"""The page about commands is what the commands say."""

from pathlib import Path

from infra.contract.errors import PlatformError
from runtime.cli import jobs_page, reference
from runtime.definitions.job import read_job

ROOT = Path(__file__).parents[2]


def exit_codes(kind=PlatformError):
    return {kind.exit_code} | {
        code for below in kind.__subclasses__() for code in exit_codes(below)
    }


def test_the_page_is_current():
    written = (ROOT / reference.PAGE).read_text(encoding="utf-8")
    assert written == reference.page(), "run `python -m runtime.cli.reference`"


def test_the_page_about_jobs_is_current():
    written = (ROOT / jobs_page.PAGE).read_text(encoding="utf-8")
    assert written == jobs_page.page(), "run `python -m runtime.cli.reference`"


def test_the_example_on_the_page_about_jobs_can_be_read(tmp_path):
    for name in ("src/train.py", "data/iris.csv", "conda.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    file = tmp_path / "job.yml"
    file.write_text(jobs_page.EXAMPLE)
    assert read_job(file).target == "cpu"


def test_every_exit_code_is_explained():
    assert exit_codes() <= reference.EXIT_CODES.keys()
