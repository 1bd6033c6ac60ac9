"""Recordings in a bucket of a real S3 server are fetched once, and those of the ids that were taken alone."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from obstore.store import S3Store

from headwater.emulator.bucket import Bucket, fetch, fetched
from headwater.emulator.options import SensorOptions, parse_bucket
from headwater.emulator.sample import write_sample
from headwater.emulator.sensor_ids import files_of
from headwater.log.disk import RealDisk
from headwater.model.errors import ConfigError, Unavailable
from headwater.services.swift import PASSWORD, USER
from tests.services.shared import Addresses

FIRST, SECOND = "31400010000000000", "31400010000000001"


@pytest.fixture(scope="module")
def environment(swift: Addresses) -> dict[str, str]:
    """What the environment of an emulator says."""
    endpoint = f"http://{swift['http']}"
    return {
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": PASSWORD,
        "AWS_ENDPOINT_URL": endpoint,
        "REGION": "us-east-1",
    }


@contextmanager
def told(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The process has it in its environment, as obstore reads it."""
    with monkeypatch.context() as changed:
        for key, value in environment.items():
            changed.setenv(key, value)
        yield environment


def bucket_with(name: str, folder: Path, environment: dict[str, str]) -> Bucket:
    """A bucket with the files of a folder below `days/`."""
    import urllib.request

    headers = {"X-Auth-User": USER, "X-Auth-Key": PASSWORD}
    asked = urllib.request.Request(f"{environment['AWS_ENDPOINT_URL']}/auth/v1.0", headers=headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        store, token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]
    made = urllib.request.Request(f"{store}/{name}", method="PUT", headers={"X-Auth-Token": token})
    urllib.request.urlopen(made, timeout=60).close()
    options: Any = {"allow_http": True}
    into = S3Store(name, client_options=options)
    for file in folder.rglob("*.*"):
        into.put(f"days/{file.relative_to(folder)}", file.read_bytes())
    return Bucket(f"s3://{name}/days")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    folder = tmp_path / "sample"
    write_sample(folder, meters=3, ticks=5)
    (folder / SECOND).mkdir()
    (folder / f"{SECOND}.csv").rename(folder / SECOND / "monday.csv")
    (folder / "notes.txt").write_text("no recording")
    return folder


@pytest.mark.timeout(300)
def test_recordings_are_fetched_once_and_stay_as_they_were(
    tmp_path: Path, sample: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(monkeypatch, environment), closing(RealDisk(tmp_path / "journal")) as disk:
        bucket = bucket_with("whole", sample, environment)
        folder = asyncio.run(fetched(disk, disk.folder, bucket, ()))
        there = {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        assert there == {file.relative_to(sample): file.read_bytes() for file in sample.rglob("*.csv")}
        nobody = {**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        assert asyncio.run(fetched(disk, disk.folder, bucket, (), nobody)) == folder
        with pytest.raises(ConfigError, match="has the recordings of s3://whole/days, not of s3://other"):
            asyncio.run(fetched(disk, disk.folder, Bucket("s3://other"), ()))


@pytest.mark.timeout(300)
def test_an_emulator_fetches_the_recordings_of_its_own_meters(
    tmp_path: Path, sample: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(monkeypatch, environment):
        bucket = bucket_with("some", sample, environment)
        assert fetch(bucket, tmp_path / "r", (FIRST, SECOND), environment) == 2
        assert files_of(tmp_path / "r", (FIRST, SECOND)) == [
            tmp_path / "r" / f"{FIRST}.csv",
            tmp_path / "r" / SECOND / "monday.csv",
        ]
        with pytest.raises(ConfigError, match="has no recordings of 7: files that end in"):
            fetch(bucket, tmp_path / "r", ("7",), environment)


@pytest.mark.timeout(300)
def test_what_cannot_be_fetched_is_told(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(monkeypatch, environment), pytest.raises(ConfigError, match="s3://nowhere: there is no such bucket"):
        fetch(Bucket("s3://nowhere"), tmp_path, (), environment)
    wrong = {**environment, "AWS_SECRET_ACCESS_KEY": "wrong"}
    with told(monkeypatch, wrong), pytest.raises(ConfigError, match="is not open to AWS_ACCESS_KEY_ID"):
        fetch(Bucket("s3://nowhere"), tmp_path, (), wrong)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = {**environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        with told(monkeypatch, away), pytest.raises(Unavailable):
            fetch(Bucket("s3://nowhere"), tmp_path, (), away)


def test_a_bucket_is_named_by_its_url() -> None:
    assert parse_bucket("s3://days") == ("days", "")
    assert parse_bucket("s3://days/2017/02/") == ("days", "2017/02")
    for wrong in ("days", "s3://", "s3://A", "http://days/2017"):
        with pytest.raises(ValueError, match="must be s3://BUCKET"):
            SensorOptions(journal=Path("j"), bucket=wrong)
    with pytest.raises(ValueError, match="bucket takes the place of data"):
        SensorOptions(journal=Path("j"), bucket="s3://days", data=Path("d"))


@pytest.mark.timeout(300)
def test_options_say_where_a_bucket_is_and_files_who_asks(
    tmp_path: Path, sample: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(monkeypatch, environment):
        url = bucket_with("told", sample, environment).url
    files = {}
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        files[f"{key}_FILE"] = str(tmp_path / key)
        (tmp_path / key).write_text(f"{environment[key]}\n")
    bucket = Bucket(url, environment["AWS_ENDPOINT_URL"], "us-east-1")
    assert fetch(bucket, tmp_path / "r", (FIRST,), files) == 1
    with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY_FILE = /nowhere: cannot be read"):
        fetch(bucket, tmp_path / "r", (FIRST,), {**files, "AWS_SECRET_ACCESS_KEY_FILE": "/nowhere"})
    with pytest.raises(ValueError, match="must begin with http"):
        SensorOptions(journal=tmp_path, bucket=url, bucket_endpoint="swift:8080")
