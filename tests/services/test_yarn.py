"""What is left of `spark-submit`'s arguments where there is no YARN."""

import pytest

from infra.contract.errors import UsageError
from localcloud.services.hdinsight.yarn import submission


def test_arguments_of_yarn_are_read_and_those_without_effect_named():
    words = (
        "--master yarn --deploy-mode cluster --queue thin --num-executors=4 --name n"
        " --conf spark.yarn.appMasterEnv.A=1 --conf spark.yarn.maxAppAttempts=1 -c spark.x=y"
        " --archives env.tar.gz#environment --files a,b --py-files p.zip main.py --x 1"
    )
    found = submission(words.split())
    assert (found.cluster, found.name, found.program) == (True, "n", "main.py")
    assert found.arguments == ("--x", "1")
    assert found.options == ("--name", "n", "--conf", "spark.x=y", "--py-files", "p.zip")
    assert (found.files, found.archives) == (("a", "b"), ("env.tar.gz#environment",))
    assert found.variables == {"A": "1"}
    assert found.left_out == (
        "--queue thin", "--num-executors 4", "--conf spark.yarn.maxAppAttempts=1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("--master yarn", "no application"),
        ("--master spark://h:7077 a.py", "spark://h:7077"),
        ("--queue", "--queue needs a value"),
    ],
)
def test_what_is_no_application_is_refused(words, named):
    with pytest.raises(UsageError, match=named):
        submission(words.split())
