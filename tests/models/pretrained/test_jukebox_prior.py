"""Jukebox's prior against dense attention with explicit masks, and step by step against the whole pass."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lass.models.pretrained.jukebox_cache import store_sizes
from lass.models.pretrained.jukebox_import import import_jukebox_prior, import_jukebox_vqvae
from lass.models.pretrained.jukebox_prior import JukeboxPrior, read_jukebox_prior
from lass.storage import read_header, read_tensors
from tests.models.pretrained.public_jukebox import prior_sizes, random_vqvae, random_weights

Array = np.ndarray[Any, Any]
BLOCK = 4
SIZES = {"codes": 16, "context": 32, "layers": 7, "width": 12, "inner": 6, "hidden": 10}


def random_prior(*, seed: int = 3, **sizes: int) -> dict[str, Tensor]:
    return random_weights(prior_sizes(**(SIZES | sizes)), seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with a codec of 16 codes."""
    folder = tmp_path_factory.mktemp("model")
    torch.save({"model": random_vqvae(levels=1)}, folder / "vqvae.pth.tar")
    import_jukebox_vqvae([folder / "vqvae.pth.tar"], folder)
    return folder


def imported(folder: Path, weights: dict[str, Tensor], **given: Any) -> JukeboxPrior:
    source = folder / "prior_bass_44100.pth.tar"
    torch.save({"model": weights, "step": 1, "opt": {"state": {}}}, source)
    options: dict[str, Any] = {"name": "bass", "blocks": SIZES["context"] // BLOCK} | given
    return JukeboxPrior(read_jukebox_prior(import_jukebox_prior([source], folder, **options)))


# --- the second computation: one sequence in float64, every query on its own ---


def read_by(pattern: int, query: int) -> list[int]:
    """Positions that a query attends to, by the description."""
    if pattern == 0:
        return [key for key in range(query + 1) if key // BLOCK == query // BLOCK]
    if pattern == 1:
        return [key for key in range(query + 1) if key % BLOCK == query % BLOCK]
    return [key for key in range(query + 1) if key // BLOCK == query // BLOCK - 1]


def normalise(x: Array, weights: dict[str, Array], name: str) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + 1e-5)
    normalised: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return normalised


def described_logits(codes: list[int], held: dict[str, Tensor]) -> Array:
    """Logits [S, K] of a sequence."""
    weights = {name.removeprefix("prior."): each.double().numpy() for name, each in held.items()}
    x = np.stack([weights["start_token"][0], *(weights["x_emb.weight"][code] for code in codes[:-1])])
    x = x + weights["pos_emb.pos_emb"][: len(codes)]
    layers = sum(name.endswith("c_attn.w") for name in weights)
    for layer in range(layers):
        name = f"transformer._attn_mods.{layer}"
        mixed = normalise(x, weights, f"{name}.ln_0") @ weights[f"{name}.attn.c_attn.w"]
        q, k, v = np.split(mixed + weights[f"{name}.attn.c_attn.b"], 3, axis=1)
        attended = np.zeros_like(q)
        for query in range(len(codes)):
            keys = read_by(layer % 3, query)
            if keys:
                scores = k[keys] @ q[query] / np.sqrt(q.shape[1])
                shares = np.exp(scores - scores.max())
                attended[query] = shares @ v[keys] / shares.sum()
        a = attended @ weights[f"{name}.attn.c_proj.w"] + weights[f"{name}.attn.c_proj.b"]
        hidden = normalise(x + a, weights, f"{name}.ln_1") @ weights[f"{name}.mlp.c_fc.w"]
        hidden = hidden + weights[f"{name}.mlp.c_fc.b"]
        hidden = hidden / (1 + np.exp(-1.702 * hidden))
        x = x + a + hidden @ weights[f"{name}.mlp.c_proj.w"] + weights[f"{name}.mlp.c_proj.b"]
    logits: Array = x @ weights["x_out.weight"].T
    return logits


def draw_codes(batch: int, length: int, *, seed: int = 0) -> Tensor:
    return torch.randint(SIZES["codes"], (batch, length), generator=torch.Generator().manual_seed(seed))


# S past two edges of blocks, at one, within the first block, and alone
@pytest.mark.parametrize("length", [1, 3, 4, 5, 14, 16, 32])
def test_the_whole_pass_is_that_of_dense_masks(folder: Path, length: int) -> None:
    weights = random_prior()
    codes = draw_codes(2, length)
    logits = imported(folder, weights).logits(codes)
    assert logits.shape == (2, length, SIZES["codes"])
    for row, sequence in zip(logits.numpy(), codes.tolist(), strict=True):
        np.testing.assert_allclose(row, described_logits(sequence, weights), atol=1e-4)


def test_every_pattern_matters(folder: Path) -> None:
    """What a position reads is told apart by the random weights: fewer layers give other logits."""
    codes, weights = draw_codes(1, 14), random_prior()
    whole = imported(folder, weights).logits(codes)
    for layers in (6, 5, 4):
        kept = {name: each for name, each in weights.items()
                if "_attn_mods" not in name or int(name.split(".")[3]) < layers}  # fmt: skip
        fewer = imported(folder, kept).logits(codes)
        assert float((whole - fewer).abs().max()) > 0.1
        whole = fewer


def test_no_position_sees_its_own_code_or_later_ones(folder: Path) -> None:
    prior = imported(folder, random_prior())
    codes = draw_codes(1, 14)
    other = codes.clone()
    other[0, 6:] = (other[0, 6:] + 1) % SIZES["codes"]
    before, after = prior.logits(codes)[0], prior.logits(other)[0]
    assert torch.equal(before[:7], after[:7])
    assert not torch.equal(before[7], after[7])


def stepped(prior: JukeboxPrior, codes: Tensor, length: int) -> Tensor:
    """log-probabilities [B, S, K] of the positions of `codes`, asked for one by one."""
    state, chosen = prior.start(len(codes), length), [None, *codes[:, :-1].unbind(dim=1)]
    return torch.stack([prior.log_probs(previous, state).clone() for previous in chosen], dim=1)


@pytest.mark.parametrize("length", [1, 3, 4, 5, 14, 32])
def test_step_by_step_it_is_the_whole_pass(folder: Path, length: int) -> None:
    prior, codes = imported(folder, random_prior()), draw_codes(3, length)
    wanted = prior.logits(codes).log_softmax(dim=-1)
    torch.testing.assert_close(stepped(prior, codes, length), wanted, atol=1e-4, rtol=0)
    torch.testing.assert_close(prior.sequence_loss(codes),
                               -wanted.gather(2, codes[..., None]).mean(), atol=1e-4, rtol=0)  # fmt: skip


def test_hypotheses_are_reordered_and_grow_in_number(folder: Path) -> None:
    """One sequence becomes three, these twenty, which go on from parents drawn anew at every step."""
    prior, length = imported(folder, random_prior()), 14
    draw = torch.Generator().manual_seed(5)
    state, held = prior.start(1, length), torch.zeros(1, 0, dtype=torch.int64)
    previous = None
    for position in range(length):
        table = prior.log_probs(previous, state)
        number = 1 if position < 1 else 3 if position < 6 else 20 if position < 11 else 7
        wanted = prior.logits(torch.cat([held, torch.zeros(len(held), 1, dtype=torch.int64)], dim=1))
        torch.testing.assert_close(table, wanted[:, -1].log_softmax(dim=-1), atol=1e-4, rtol=0)
        parents = torch.randint(len(held), (number,), generator=draw)
        previous = torch.randint(SIZES["codes"], (number,), generator=draw)
        held = torch.cat([held[parents], previous[:, None]], dim=1)
        prior.reorder(state, parents)
    assert state.used == 7


def test_a_row_does_not_depend_on_what_shares_the_batch(folder: Path) -> None:
    prior, codes = imported(folder, random_prior()), draw_codes(9, 14)
    assert torch.equal(stepped(prior, codes, 14)[:2], stepped(prior, codes[:2], 14))


def test_a_cache_keeps_what_its_patterns_read(folder: Path) -> None:
    """By hand, 7 layers and blocks of 4: the block (3 layers), every position (2), two blocks (2 layers)."""
    prior = imported(folder, random_prior())
    inner = SIZES["inner"]
    for length, positions in {
        3: 3 * 3 + 2 * 3 + 0,
        14: 3 * 4 + 2 * 16 + 2 * 8,
        32: 3 * 4 + 2 * 32 + 2 * 8,
    }.items():
        state = prior.network.new_cache(16, length)
        assert sum(store.numel() for store in state.stores) == 16 * 2 * inner * positions
        assert prior.bytes_per_sequence(length) > 4 * 2 * inner * positions
    with pytest.raises(ValueError, match="a sequence of 33 tokens exceeds the prior's context of 32"):
        prior.start(1, 33)
    with pytest.raises(ValueError, match="a sequence of 33 tokens exceeds the prior's context of 32"):
        prior.logits(draw_codes(1, 33))
    fitting = prior.start(1, 1)
    prior.log_probs(None, fitting)
    with pytest.raises(ValueError, match="1 tokens are all that this cache was made for"):
        prior.log_probs(torch.zeros(1, dtype=torch.int64), fitting)


def test_a_whole_prior_takes_23_megabytes_per_hypothesis_of_1024_tokens() -> None:
    """48 layers, a third of each pattern: 128, 1024 and 256 positions of 2 x 256 numbers of 2 bytes."""
    sizes = store_sizes(layers=48, positions=1024, block=128, width=256)
    assert 2 * sum(int(np.prod(size)) for size in sizes) == 16 * (128 + 1024 + 256) * 2 * 256 * 2


def test_low_precision_is_close(folder: Path) -> None:
    prior, codes = imported(folder, random_prior()), draw_codes(2, 14)
    wanted = prior.logits(codes).log_softmax(dim=-1)
    low = JukeboxPrior(prior.network.bfloat16())
    table = stepped(low, codes, 14)
    assert table.dtype == torch.float32
    torch.testing.assert_close(table, wanted, atol=0.5, rtol=0.1)


def test_a_public_file_is_of_580_tensors() -> None:
    sizes = dict(prior_sizes(codes=2048, context=8192, layers=48, width=1024, inner=256, hidden=1024))
    assert len(sizes) == 580
    del sizes["prior.x_out.weight"]  # the embedding again, counted once
    assert sum(int(np.prod(shape)) for shape in sizes.values()) == 161_862_656


def test_the_part_tells_where_it_is_from(folder: Path) -> None:
    weights = {name: each.half() if name.endswith(".w") else each for name, each in random_prior().items()}
    network = imported(folder, {f"module.{name}": each for name, each in weights.items()}).network
    path = folder / "priors" / "bass.safetensors"
    header = read_header(path, form="lass.checkpoint", version=1)
    assert header["kind"] == "jukebox-prior"
    assert header["provenance"]["file"] == "prior_bass_44100.pth.tar"
    assert header["provenance"]["classes"] == ["bass"]
    assert "non-commercial" in header["provenance"]["licence"]
    assert (network.shape.block, network.shape.layers) == (BLOCK, 7)
    assert all(each.dtype == torch.float32 for each in read_tensors(path).values())
    public = weights["prior.transformer._attn_mods.2.attn.c_attn.w"]
    assert torch.equal(network.state_dict()["layers.2.qkv.weight"], public.T.float())
    codebook = header["provenance"]["codebook"]
    assert read_jukebox_prior(path, codebook=codebook).shape == network.shape
    with pytest.raises(
        ValueError, match=rf"imported for codes of codebook {codebook}, but the codec has other"
    ):
        read_jukebox_prior(path, codebook="other")


def test_what_does_not_fit(folder: Path, tmp_path: Path) -> None:
    weights = random_prior()
    name = "prior.transformer._attn_mods.6.mlp.c_fc.w"
    with pytest.raises(ValueError, match=rf"lacks {name}"):
        imported(folder, {key: each for key, each in weights.items() if key != name})
    with pytest.raises(ValueError, match=rf"{name} is of shape \(10, 12\) instead of \(12, 10\)"):
        imported(folder, weights | {name: weights[name].T})
    with pytest.raises(ValueError, match=r"not known: prior\.y_emb\.weight"):
        imported(folder, weights | {"prior.y_emb.weight": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"prior\.x_out\.weight differs from what it must equal"):
        imported(folder, weights | {"prior.x_out.weight": weights["prior.x_out.weight"] + 1})
    with pytest.raises(ValueError, match=r"prior\.x_emb\.weight \(missing\) should be a tensor of 2"):
        imported(folder, random_vqvae(levels=1))
    with pytest.raises(ValueError, match="a context of 32 tokens is not 5 equal blocks"):
        imported(folder, weights, blocks=5)
    with pytest.raises(ValueError, match=r"name '\.\./bass': give letters, digits"):
        imported(folder, weights, name="../bass")
    with pytest.raises(ValueError, match=r"a prior of 9 codes, but .*has 16; import the codec"):
        imported(folder, random_prior(codes=9))
    source = folder / "prior_bass_44100.pth.tar"
    with pytest.raises(FileNotFoundError, match=r"codec\.safetensors: no such file, but this part belongs"):
        import_jukebox_prior([source], tmp_path / "empty", name="bass")
    with pytest.raises(ValueError, match="holds a jukebox-vqvae, but a jukebox-prior is needed"):
        read_jukebox_prior(folder / "codec.safetensors")
