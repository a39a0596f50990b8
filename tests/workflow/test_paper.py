"""The paper's configurations: what every table would run, and Table 5 at toy size from a download on."""

import hashlib
import math
import time
from pathlib import Path

import pytest

from lass.evaluation.tables.files import read_csv, records
from tests.data.downloads.server import Server, serving
from tests.models.pretrained.imported import import_jukebox
from tests.workflow.runner import ROOT, SCATTER, dry_run, run, with_models, write_config
from tests.workflow.test_downloads import babyslakh

pytestmark = pytest.mark.workflow

FILES = [
    ROOT / "config" / f"{name}.yaml" for name in ("paper", "paper_slakh", "paper_celeba", "paper_pictures")
]
TARGETS = [
    "results/density.csv",
    "results/timing.csv",
    *(f"results/mnist_paper_{table}.csv" for table in ("psnr", "decoders")),
    "results/celeba_fid.csv",
    *(f"results/slakh2100_{table}.csv" for table in ("sdr", "decoders")),
    *(f"results/{name}_candidates.png" for name in ("celebahq", "imagenet")),
]
SETS = "targets=[mnist_paper, celeba, celebahq, imagenet, slakh2100]"
WORDNET = ("n01443537", "n01614925", "n02099601", "n02123045", "n02129604", "n02391049", "n02510455",
           "n07745940", "n07873807", "n11939491")  # fmt: skip


def test_everything_of_the_paper_is_planned(tmp_path: Path) -> None:
    """All tables and figures at once, with folders and models as the files describe them."""
    for name, folders in {"celeba": [""], "celebahq": [""], "imagenet": WORDNET}.items():
        for split in ("train", "validation", "test"):
            for folder in folders:
                (tmp_path / name / split / folder).mkdir(parents=True, exist_ok=True)

    roots = {name: {"root": f"{tmp_path}/{name}"} for name in ("celeba", "celebahq", "imagenet")}
    mine = write_config(tmp_path / "mine.yaml", {"datasets": roots})
    configs = [*FILES, with_models(tmp_path, FILES), mine]
    began = time.process_time()
    outcome = dry_run(tmp_path, *SCATTER, "--config", SETS, configs=configs, targets=TARGETS)
    seconds = time.process_time() - began
    assert outcome.status == 0, outcome.output
    assert outcome.jobs["train_codec"] == outcome.jobs["train_prior"] == 2, "MNIST and CelebA alone"
    assert outcome.jobs["merge_counts"] == 4, "the table of music is given"
    assert outcome.jobs["tabulate_scores"] == 4
    assert outcome.jobs["show_candidates"] == 2
    assert outcome.jobs["measure_features"] == 4
    assert outcome.jobs["fetch_songs"] == outcome.jobs["fetch_weights"] == 1
    assert seconds < 10


@pytest.mark.slow
def test_from_a_download_to_table_5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's music with three songs, and all parts imported from tiny random public files."""
    monkeypatch.setenv("no_proxy", "*")
    classes = ["bass", "drums"]
    model = import_jukebox(tmp_path / "jukebox", classes, codes=4, context=1024)
    priors = {name: {"checkpoint": f"{model}/priors/{name}.safetensors"} for name in classes}
    decoder = {"hypotheses": 4, "kept": 1}
    slakh = {
        "download": "babyslakh",
        "mixtures": {"seconds": 1, "count": {"validation": 1, "test": 2}, "pairing": "together"},
        "codec": {"checkpoint": f"{model}/codec.safetensors", "codes": 4},
        "likelihood": {"checkpoint": f"{model}/likelihood.safetensors"},
        "priors": priors,
        "separation": {"batch": 2, "precision": "float32", "decoders": {"beam": decoder}},
        "tables": {"sdr": {"rows": ["mixture", "lass", "codec_ceiling"]}},
    }
    with serving(Server()) as server:
        server.content = babyslakh()
        address = f"{server.url('good')}#sha256={hashlib.sha256(server.content).hexdigest()}"
        values = {"device": "cpu", "addresses": {"babyslakh": address}, "datasets": {"slakh2100": slakh}}
        configs = [FILES[1], write_config(tmp_path / "small.yaml", values)]
        outcome = run(tmp_path, *SCATTER, configs=configs, targets=["results/slakh2100_sdr.csv"])
    assert outcome.status == 0, outcome.output
    assert "train_codec" not in outcome.jobs
    assert "count_tuples" not in outcome.jobs
    rows = {row["method"]: row for row in records(read_csv(tmp_path / "results/slakh2100_sdr.csv"))}
    assert list(rows) == ["mixture", "lass", "codec_ceiling"]
    assert all(row["n"] == 2 and math.isfinite(row["sdr_avg"]) for row in rows.values())
    assert rows["lass"]["uncounted"] == 0.0, "the table knows every tuple"
