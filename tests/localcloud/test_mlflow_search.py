"""MLflow's search syntax."""

import pytest

from runtime.agent.searching import SearchError, parse_filter, sort_documents

RUN = {
    ("metric", "rmse"): 0.5,
    ("param", "alpha"): "0.1",
    ("tag", "team"): "ml",
    ("tag", "mlflow.note"): "Hello World",
    ("attribute", "status"): "FINISHED",
    ("attribute", "start_time"): 100,
}


def holds(text):
    return all(c.holds(lambda entity, key: RUN.get((entity, key))) for c in parse_filter(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("metrics.rmse < 1", True),
        ("metrics.rmse >= 0.5 and metrics.rmse <= 0.5", True),
        ("metrics.rmse > 1", False),
        ("metrics.missing > 0", False),
        ("metrics.missing != 0", False),
        ("params.alpha = '0.1'", True),
        ('tags.team = "ml" AND params.alpha != "0.2"', True),
        ("tags.`mlflow.note` LIKE 'Hello%'", True),
        ("tags.`mlflow.note` LIKE 'hello%'", False),
        ("tags.`mlflow.note` ILIKE 'hello%'", True),
        ("attributes.status = 'FINISHED'", True),
        ("status IN ('RUNNING', 'FINISHED')", True),
        ("status NOT IN ('RUNNING')", True),
        ("start_time > 50", True),
        ("tags.gone IS NULL", True),
        ("tags.team IS NOT NULL", True),
    ],
)
def test_filters(text, expected) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metrics.rmse", "is invalid from"),
        ("metrics.rmse < 1 or metrics.rmse > 2", "from 'or metrics"),
        ("metrics.rmse = 'low'", "only be compared with a number"),
        ("colors.red = '1'", "'colors' cannot be searched"),
    ],
)
def test_an_invalid_filter_is_refused_with_the_reason(text, says) -> None:
    with pytest.raises(SearchError, match=says):
        parse_filter(text)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["metrics.a ASC"], [1, 2, None]),
        (["metrics.a DESC"], [2, 1, None]),
        (["metrics.`a`"], [1, 2, None]),
        ([], [2, None, 1]),
    ],
)
def test_documents_without_the_key_are_last(order, expected) -> None:
    documents = [{"a": 2}, {"a": None}, {"a": 1}]
    found = sort_documents(documents, order, lambda document, _, key: document[key])
    assert [document["a"] for document in found] == expected
