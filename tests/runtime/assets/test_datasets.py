"""Datasets: paths, files, rows, registration."""

import http.server
import json
import threading
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from runtime.agent.assets.column_types import DataType, PromoteHeadersBehavior
from runtime.agent.assets.dataset import Dataset
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.errors import (
    DatasetTimestampMissingError,
    DatasetValidationError,
    UserErrorException,
)
from runtime.agent.assets.references import DataPath

PEOPLE = "name,age,born,ok\nann,30,1990-01-02,True\nbob,40,1980-03-04,False\n"
MORE = "name,age,born,ok\ncid,50,1970-05-06,True\n"


@pytest.fixture
def store(workspace):
    """Return the default datastore with a few files."""
    store = Datastore(workspace)
    for name, text in {
        "people/2020/a.csv": PEOPLE,
        "people/2021/b.csv": MORE,
        "people/readme.txt": "no table",
        "people2/c.csv": MORE,
    }.items():
        store.container().write(name, text.encode())
    return store


def rows(dataset):
    return dataset.to_pandas_dataframe()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("people", ["/2020/a.csv", "/2021/b.csv", "/readme.txt"]),
        ("people/**", ["/2020/a.csv", "/2021/b.csv", "/readme.txt"]),
        ("people/**/*.csv", ["/2020/a.csv", "/2021/b.csv"]),
        ("people/*/*.csv", ["/2020/a.csv", "/2021/b.csv"]),
        ("people/2020/a.csv", ["/a.csv"]),
        ("people?/c.csv", ["/people2/c.csv"]),
        ("/people/2021/", ["/b.csv"]),
    ],
)
def test_the_files_of_a_path(store, path, found):
    assert Dataset.File.from_files((store, path)).to_path() == found


def test_all_forms_of_a_path(store, tmp_path):
    (tmp_path / "local.csv").write_text(MORE)
    whole = [
        (store, "people/2020/a.csv"),
        store.path("people2"),
        DataPath(store, "people/2021/*.csv"),
    ]
    assert Dataset.File.from_files(whole).to_path() == [
        "/people/2020/a.csv", "/people/2021/b.csv", "/people2/c.csv",
    ]  # fmt: skip
    assert Dataset.File.from_files(str(tmp_path / "*.csv")).to_path() == ["/local.csv"]
    assert Dataset.File.from_files((store, ["people2", "people/2020"])).to_path()
    for wrong in (7, "ftp://x/y", "https://x.org/*.csv", [], (store, "../x")):
        with pytest.raises(UserErrorException):
            Dataset.File.from_files(wrong)


def test_a_path_without_files_is_found_at_once(store):
    with pytest.raises(DatasetValidationError, match="nowhere"):
        Dataset.File.from_files((store, "nowhere"))
    Dataset.File.from_files((store, "nowhere"), validate=False)


def test_files_are_downloaded_below_a_folder(store, tmp_path):
    dataset = Dataset.File.from_files((store, "people"))
    paths = dataset.download(str(tmp_path / "d"))
    assert paths == [str(tmp_path / "d" / n) for n in ("2020/a.csv", "2021/b.csv", "readme.txt")]
    assert (tmp_path / "d/2020/a.csv").read_text() == PEOPLE
    with pytest.raises(UserErrorException, match="overwrite"):
        dataset.download(str(tmp_path / "d"))
    dataset.download(str(tmp_path / "d"), overwrite=True)


def test_a_mount_is_a_copy_and_says_so(store):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with Dataset.File.from_files((store, "people2")).mount() as mounted:
            assert Path(mounted.mount_point, "c.csv").read_text() == MORE
    assert "downloaded" in str(said[0].message)


def test_rows_have_the_types_they_look_like(store):
    frame = rows(Dataset.Tabular.from_delimited_files((store, "people/**/*.csv")))
    assert list(frame["name"]) == ["ann", "bob", "cid"]
    assert str(frame["age"].dtype) == "int64"
    assert str(frame["born"].dtype).startswith("datetime64")
    assert str(frame["ok"].dtype) == "bool"


def test_types_can_be_given(store):
    frame = rows(
        Dataset.Tabular.from_delimited_files(
            (store, "people/2020/a.csv"),
            infer_column_types=False,
            set_column_types={
                "age": DataType.to_float(),
                "born": DataType.to_datetime("%Y-%m-%d"),
                "ok": DataType.to_bool(),
            },
        )
    )
    assert str(frame["age"].dtype) == "float64"
    assert str(frame["born"].dtype).startswith("datetime64")
    assert list(frame["ok"]) == [True, False]
    with pytest.raises(UserErrorException, match="nothing"):
        rows(
            Dataset.Tabular.from_delimited_files(
                (store, "people2"), set_column_types={"nothing": DataType.to_string()}
            )
        )


@pytest.mark.parametrize(
    ("header", "columns", "count"),
    [
        (True, ["name", "age", "born", "ok"], 2),
        (False, ["Column1", "Column2", "Column3", "Column4"], 3),
        (PromoteHeadersBehavior.NO_HEADERS, ["Column1", "Column2", "Column3", "Column4"], 3),
    ],
)
def test_headers(store, header, columns, count):
    dataset = Dataset.Tabular.from_delimited_files((store, "people/2020/a.csv"), header=header)
    assert list(rows(dataset).columns) == columns
    assert len(rows(dataset)) == count


def test_columns_come_from_paths(store):
    dataset = Dataset.Tabular.from_delimited_files(
        (store, "people/**/*.csv"),
        partition_format="people/{year:yyyy}/{part}.csv",
        include_path=True,
    )
    frame = rows(dataset)
    assert list(frame["part"]) == ["a", "a", "b"]
    assert [moment.year for moment in frame["year"]] == [2020, 2020, 2021]
    assert frame["Path"][2].endswith("/people/2021/b.csv")


def test_columns_and_rows_are_chosen(store):
    people = Dataset.Tabular.from_delimited_files((store, "people/**/*.csv"))
    assert list(rows(people.keep_columns(["name", "age"])).columns) == ["name", "age"]
    assert "ok" not in rows(people.drop_columns("ok"))
    assert list(rows(people.take(1))["name"]) == ["ann"]
    assert list(rows(people.skip(1).take(1))["name"]) == ["bob"]
    old = people.filter((people["age"] > 35) & (people["name"] != "cid"))
    assert list(rows(old)["name"]) == ["bob"]
    with pytest.raises(UserErrorException):
        people.filter("age > 35")
    with pytest.raises(UserErrorException, match="none"):
        rows(people.keep_columns("none"))


def test_rows_are_chosen_by_time(store):
    people = Dataset.Tabular.from_delimited_files((store, "people/**/*.csv"))
    timed = people.with_timestamp_columns(timestamp="born")
    assert timed.timestamp_columns == ("born", None)
    assert list(rows(timed.time_before(datetime(1980, 3, 4, tzinfo=UTC)))["name"]) == ["bob", "cid"]
    late = timed.time_after(datetime(1980, 3, 4, tzinfo=UTC), include_boundary=False)
    assert list(rows(late)["name"]) == ["ann"]
    between = timed.time_between(datetime(1975, 1, 1, tzinfo=UTC), datetime(1985, 1, 1, tzinfo=UTC))
    assert list(rows(between)["name"]) == ["bob"]
    with pytest.raises(DatasetTimestampMissingError):
        people.time_after(datetime(1980, 1, 1, tzinfo=UTC))


def test_a_split_is_disjoint_whole_and_repeatable(workspace):
    store = Datastore(workspace)
    numbers = "n\n" + "\n".join(map(str, range(500)))
    store.container().write("n.csv", numbers.encode())
    dataset = Dataset.Tabular.from_delimited_files((store, "n.csv"))
    one, other = dataset.random_split(percentage=0.8, seed=1)
    again, _ = dataset.random_split(0.8, 1)
    first, second = set(rows(one)["n"]), set(rows(other)["n"])
    assert first | second == set(range(500))
    assert not first & second
    assert 350 < len(first) < 450
    assert set(rows(again)["n"]) == first
    unseeded = dataset.random_split(0.5)
    assert sum(len(rows(part)) for part in unseeded) == 500


def test_json_lines_and_other_separators(workspace):
    store = Datastore(workspace)
    store.container().write("j.jsonl", b'{"a": 1, "b": "x"}\nnot json\n{"a": 2}\n')
    store.container().write("s.tsv", "a\tb\n1\tü\n".encode("latin-1"))
    kept = Dataset.Tabular.from_json_lines_files((store, "j.jsonl"), invalid_lines="drop")
    assert list(rows(kept)["a"]) == [1, 2]
    with pytest.raises(UserErrorException, match=":2"):
        rows(Dataset.Tabular.from_json_lines_files((store, "j.jsonl")))
    table = Dataset.Tabular.from_delimited_files(
        (store, "s.tsv"), separator="\t", encoding="iso88591"
    )
    assert list(rows(table)["b"]) == ["ü"]


def test_a_dataset_is_registered_and_read_back(workspace, store):
    people = Dataset.Tabular.from_delimited_files((store, "people/**/*.csv")).take(2)
    made = people.register(workspace, "people", description="all", tags={"a": "1"})
    assert (made.name, made.version, made.id) == ("people", 1, "people:1")
    read = Dataset.get_by_name(workspace, name="people")
    assert (read.description, read.tags) == ("all", {"a": "1"})
    assert list(rows(read)["name"]) == ["ann", "bob"]
    assert people.register(workspace, "people").version == 1
    with pytest.raises(UserErrorException, match="create_new_version"):
        people.take(1).register(workspace, "people")
    assert people.take(1).register(workspace, "people", create_new_version=True).version == 2
    assert Dataset.get_by_name(workspace, "people").version == 2
    assert len(rows(Dataset.get_by_name(workspace, "people", version=1))) == 2
    assert len(rows(Dataset.get_by_id(workspace, "people:2"))) == 1
    read.add_tags({"b": "2"})
    assert Dataset.get_by_name(workspace, "people", 1).tags == {"a": "1", "b": "2"}
    assert list(Dataset.get_all(workspace)) == ["people"]
    read.unregister_all_versions()
    with pytest.raises(UserErrorException, match="Cannot find dataset"):
        Dataset.get_by_name(workspace, "people")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("people", "uri_folder"), ("people2/c.csv", "uri_file"), ("p*/**", "mltable")],
)
def test_the_asset_has_the_type_that_says_most(workspace, store, path, kind):
    Dataset.File.from_files((store, path)).register(workspace, "d")
    _, asset = workspace.transport.arm("GET", "/data/d/versions/1")
    assert asset["properties"]["dataType"] == kind


def test_local_files_are_uploaded_when_they_are_registered(workspace, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(PEOPLE)
    dataset = Dataset.Tabular.from_delimited_files(str(tmp_path / "in"))
    assert len(rows(dataset)) == 2
    dataset.register(workspace, "local")
    (tmp_path / "in" / "a.csv").unlink()
    assert len(rows(Dataset.get_by_name(workspace, "local"))) == 2


def test_an_unregistered_dataset_is_found_by_its_id(workspace, store):
    people = Dataset.Tabular.from_delimited_files((store, "people/**/*.csv"))
    assert people.name is None
    found = Dataset.get_by_id(workspace, people.id)
    assert len(rows(found)) == 3
    assert found.name is None
    assert Dataset.get_all(workspace) == {}


def test_assets_of_other_clients_are_read(workspace, store):
    uri = "azureml://datastores/workspaceblobstore/paths/people/"
    table = {
        "paths": [{"pattern": "./*.csv"}],
        "transformations": [{"read_delimited": {"delimiter": ","}}, {"take": 1}],
    }
    store.container().write("people2/MLTable", json.dumps(table).encode())
    for name, kind, where in [
        ("v2", "uri_folder", uri),
        ("t", "mltable", uri.replace("ple/", "ple2/")),
    ]:
        body = {"properties": {"dataType": kind, "dataUri": where}}
        assert workspace.transport.arm("PUT", f"/data/{name}/versions/1", body)[0] < 300
    assert len(Dataset.get_by_name(workspace, "v2").to_path()) == 3
    assert list(rows(Dataset.get_by_name(workspace, "t"))["name"]) == ["cid"]


def test_a_frame_is_registered_as_parquet(workspace):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    store = Datastore(workspace)
    made = Dataset.Tabular.register_pandas_dataframe(
        frame, (store, "frames"), "f", show_progress=False
    )
    again = Dataset.Tabular.register_pandas_dataframe(frame, store, "f", show_progress=False)
    assert (made.version, again.version) == (1, 2)
    pd.testing.assert_frame_equal(rows(Dataset.get_by_name(workspace, "f")), frame)
    csv = made.to_csv_files().download()
    assert Path(csv[0]).read_text() == "a,b\n1,x\n2,y\n"


def test_when_the_data_changed(store):
    dataset = Dataset.File.from_files((store, "people"))
    assert (datetime.now(UTC) - dataset.data_changed_time).total_seconds() < 60


def test_a_folder_is_uploaded_as_a_dataset(workspace, tmp_path):
    for name in ("a.png", "sub/b.png", "c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    dataset = Dataset.File.upload_directory(
        str(tmp_path), (Datastore(workspace), "up"), pattern="**/*.png", show_progress=False
    )
    assert dataset.to_path() == ["/a.png", "/sub/b.png"]


def test_an_address_is_read(tmp_path):
    (tmp_path / "x.csv").write_text(MORE)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/x.csv"
        assert list(rows(Dataset.Tabular.from_delimited_files(url))["name"]) == ["cid"]
        assert Dataset.File.from_files([url]).to_path() == ["/x.csv"]
        with pytest.raises(UserErrorException, match=r"none\.csv"):
            Dataset.File.from_files(url.replace("x.csv", "none.csv")).download()
        server.shutdown()


@pytest.mark.parametrize(
    ("owner", "verb"),
    [
        (Dataset.Tabular, "from_sql_query"),
        (Dataset.Tabular, "register_spark_dataframe"),
        (Dataset, "get"),
        (Dataset, "auto_read_files"),
    ],
)
def test_other_ways_to_make_a_dataset_are_refused_by_name(owner, verb):
    with pytest.raises(UserErrorException, match=verb):
        getattr(owner, verb)("x", name="y")
