"""Tiny random files in the layout of public ones, imported: a folder of codec, priors and a table."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch

from lass.models.pretrained.registry import convert_files
from tests.models.pretrained.public_jukebox import prior_sizes, random_vqvae, random_weights


def import_jukebox(folder: Path, classes: Sequence[str], *, codes: int, context: int = 512) -> Path:
    """The folder, filled: every tuple was counted, (z_1, z_2, m) as often as 1 + (z_1 + z_2 + m) mod 3."""
    files = folder.with_name(f"{folder.name}_files")
    files.mkdir(parents=True)
    vqvae, counts = files / "vqvae.pth.tar", files / "sum_frequencies.npz"
    torch.save({"model": random_vqvae(codes=codes)}, vqvae)
    convert_files("jukebox-vqvae", [vqvae], folder, options={})
    sizes = {"codes": codes, "context": context, "layers": 3, "width": 8, "inner": 4, "hidden": 8}
    for seed, name in enumerate(classes):
        path = files / f"prior_{name}_44100.pth.tar"
        torch.save({"model": random_weights(prior_sizes(**sizes), seed=seed, scale=0.7)}, path)
        convert_files("jukebox-prior", [path], folder, options={"name": name})
    entries = np.array(list(product(range(codes), repeat=3))).T
    data = 1 + entries.sum(axis=0) % 3
    data[entries[0] == entries[1]] *= 2  # both orders of a pair are counted: equal codes twice
    np.savez(counts, allow_pickle=False, coords=entries, data=data, shape=[codes] * 3, fill_value=0)
    convert_files("lass-counts", [counts], folder, options={"classes": list(classes)})
    return folder
