"""Results in a bucket instead of a folder, against a server of this machine that speaks S3."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm import free_ports
from tests.data.images.idx_files import write_mnist
from tests.workflow.launching import Outcome, started
from tests.workflow.runner import SCATTER, TEST_CONFIG, THREADS, arguments, digests, run, write_config

pytestmark = [pytest.mark.cluster, pytest.mark.workflow, pytest.mark.slow]

MIXTURES = "results/slakh/mixtures/test.parquet"
ROWS = "results/slakh/test/scores/hpss/1-of-1.csv"
IMAGES = "results/mnist/sources/validation"
TARGETS = [ROWS, IMAGES]
MADE = ["results/slakh/songs/test", "results/slakh/sources/test", MIXTURES, *TARGETS]
NOBODY = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "nobody",
    "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "nothing",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server that keeps buckets in memory."""
    pytest.importorskip("moto", reason="a server of S3: pip install '.[dev]'")
    pytest.importorskip("snakemake_storage_plugin_s3", reason="pip install '.[cluster]'")
    [port] = free_ports(1)
    line = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with started(line, tmp_path / "server.txt") as running:
        wait_for_port(port, running)
        yield f"http://127.0.0.1:{port}"


def wait_for_port(port: int, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        assert running.poll() is None, "the server has ended"
        assert time.monotonic() < end, "the server does not listen"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


def run_in_bucket(server: str, directory: Path, *options: str, configs: list[Path]) -> Outcome:
    """Run with the results in the bucket `lass`, below `run/`, as docs/cluster.md says."""
    directory.mkdir(exist_ok=True)
    line = [sys.executable, "-m", "snakemake", "--cores", "1", *THREADS, *SCATTER, *options]
    line += ["--default-storage-provider", "s3", "--default-storage-prefix", "s3://lass/run"]
    line += ["--storage-s3-endpoint-url", server, *arguments(directory, targets=TARGETS, configs=configs)]
    log = directory.with_suffix(".txt")
    with started(line, log, {**os.environ, **NOBODY}) as running:
        status = running.wait(600)
    return Outcome(status, log.read_text(encoding="utf-8"))


def fetch(server: str, folder: Path) -> set[str]:
    """Write what the bucket holds below `run/` into a folder; the names of it."""
    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing", "region_name": "us-east-1"}
    client, names = boto3.client("s3", endpoint_url=server, **keys), set()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="lass"):
        for key in (each["Key"] for each in page["Contents"]):
            names.add(key.removeprefix("run/"))
            path = folder / key.removeprefix("run/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(client.get_object(Bucket="lass", Key=key)["Body"].read())
    return names


def test_a_run_whose_results_are_in_a_bucket(server: str, tmp_path: Path) -> None:
    """Composed songs to a row's scores, and images of a folder that is no part of the bucket."""
    write_mnist(tmp_path / "digits", train=1400, test=300)
    images = {"datasets": {"mnist": {"root": str(tmp_path / "digits")}}}
    configs = [TEST_CONFIG, write_config(tmp_path / "images.yaml", images)]
    first = run_in_bucket(server, tmp_path / "first", configs=configs)
    assert first.status == 0, first.output
    assert not (tmp_path / "first" / "results" / "slakh").exists(), "nothing is beside the bucket"
    names = fetch(server, tmp_path / "fetched")
    assert {MIXTURES, ROWS} < names
    assert not [name for name in names if name.startswith(str(tmp_path).strip("/"))], "what is the user's"
    again = run_in_bucket(server, tmp_path / "second", configs=configs)
    assert "Nothing to be done" in again.output, "what is in the bucket is enough, from another folder, too"
    whole = tmp_path / "whole"
    whole.mkdir()
    assert run(whole, *SCATTER, targets=TARGETS, configs=configs).status == 0
    assert digests(tmp_path / "fetched", *MADE) == digests(whole, *MADE)
