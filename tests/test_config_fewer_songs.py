"""config/fewer_songs.yaml: four data sets that differ in the number of their training songs alone."""

from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from lass.config import AudioDataset, Config, parse_config

ROOT = Path(__file__).parents[1]
NUMBERS = (4, 16, 60, 240)


def settings() -> Config:
    values, more = (
        yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("config", "fewer_songs")
    )
    update_config(values, more)
    return parse_config(values)


def test_the_data_sets_differ_in_their_training_songs_alone() -> None:
    parsed = settings()
    assert parsed.targets == [f"songs_{number}" for number in NUMBERS]
    assert not parsed.pretrained
    rest: list[dict[str, Any]] = []
    for number in NUMBERS:
        dataset = parsed.datasets[f"songs_{number}"]
        assert isinstance(dataset, AudioDataset)
        assert dataset.composed is not None
        assert dataset.composed.songs.train == number
        values = dataset.model_dump(mode="json")
        assert values["composed"]["songs"].pop("train") == number
        rest.append(values)
        assert {"conv_tasnet", "diffusion", "heard"} <= set(dataset.tables["sdr"].rows)
        assert not any("shipped" in str(value) for value in values.values())
    assert rest[0] == rest[1] == rest[2] == rest[3]
