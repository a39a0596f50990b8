"""The configuration: defaults, schema and models say the same, and every mistake is named with its key."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from lass.config import Config, images, json_schema, music, parse_config, resolved, write_schema
from lass.likelihood import frames as patches
from lass.methods import supervised
from lass.methods.blind import separate as blind

ROOT = Path(__file__).parents[1]
CHOSEN_NAMES = {  # sections whose keys the user chooses
    *(("priors",), ("separation", "priors"), ("image_sets",)),
    *(("mnist", "priors"), ("mnist", "separation", "priors")),
    *(("separation", "samplers"), ("separation", "methods")),
    *(("mnist", "separation", "samplers"), ("mnist", "separation", "methods")),
}
Keys = tuple[str, ...]


def defaults() -> dict[str, Any]:
    """The default configuration, without the anchors that YAML shares between sections."""
    values: dict[str, Any] = json.loads(json.dumps(yaml.safe_load((ROOT / "config/config.yaml").read_text())))
    return values


def changed(**changes: Any) -> dict[str, Any]:
    """The defaults with other values; `separation__top_k=3` stands for separation.top_k."""
    values = defaults()
    for name, value in changes.items():
        *parents, key = name.split("__")
        section = values
        for parent in parents:
            section = section[parent]
        section[key] = value
    return values


def problems(values: dict[str, Any]) -> str:
    """The message with which a configuration is refused."""
    with pytest.raises(ValueError, match="the configuration is not valid") as caught:
        parse_config(values)
    return str(caught.value)


# --- defaults, schema, models ---


def keys_of(values: Any, path: Keys = ()) -> Iterator[Keys]:
    """Every key of a configuration; names that the user chooses become `*`."""
    if isinstance(values, dict):
        for key, value in values.items():
            inner = (*path, "*" if path in CHOSEN_NAMES else key)
            yield inner
            yield from keys_of(value, inner)


def schema_keys(node: dict[str, Any], path: Keys = ()) -> Iterator[Keys]:
    """Every key that the schema knows."""
    node = resolved(node, json_schema())
    entries = dict(node.get("properties", {}))
    entries |= dict(zip("*", node.get("patternProperties", {}).values(), strict=False))
    for key, entry in entries.items():
        yield (*path, key)
        # the default has no further image sets; each would be like mnist
        yield from () if key == "image_sets" else schema_keys(entry, (*path, key))


def test_the_default_is_valid() -> None:
    config = parse_config(defaults())
    assert config.weights == [0.5, 0.5]
    assert config.frames_per_mixture == config.tokens_per_mixture * config.vqvae.hop


def test_sizes_follow_from_the_settings() -> None:
    settings = {"vqvae__strides": [4, 10], "vqvae__channels": [8, 8], "vqvae__crop": 4000}
    config = parse_config(changed(**settings, slakh__sample_rate=8000, mixtures__seconds=1.004))
    assert config.vqvae.hop == 40
    assert config.tokens_per_mixture == 201  # 200.8
    assert config.frames_per_mixture == 8040
    assert parse_config(changed(mixtures__weights=[0.4, 0.4])).weights == [0.4, 0.4]


def test_the_schema_file_is_that_of_the_models(tmp_path: Path) -> None:
    """Made by `python -m lass.config workflow/schemas/config.schema.json`."""
    write_schema(tmp_path / "schema.json")
    kept = (ROOT / "workflow/schemas/config.schema.json").read_text()
    assert (tmp_path / "schema.json").read_text() == kept


def test_schema_and_default_know_the_same_keys() -> None:
    assert set(schema_keys(json_schema())) == set(keys_of(defaults()))


def test_every_key_is_required_and_no_other_allowed() -> None:
    schema = json_schema()
    for node in [schema, *schema["$defs"].values()]:
        assert node["additionalProperties"] is False
        assert sorted(node["required"]) == sorted(node["properties"])


def test_a_configuration_cannot_be_changed() -> None:
    config = parse_config(defaults())
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1


# --- unknown, missing and wrong values ---


def every_key() -> list[Keys]:
    """The path of every key of the default whose name is fixed."""

    def walk(values: Any, path: Keys) -> Iterator[Keys]:
        if isinstance(values, dict):
            for key, value in values.items():
                if path not in CHOSEN_NAMES:
                    yield (*path, key)
                yield from walk(value, (*path, key))

    return list(walk(defaults(), ()))


@pytest.mark.parametrize("path", every_key(), ids=".".join)
def test_a_misspelt_key_names_the_nearest(path: Keys) -> None:
    values = defaults()
    section = values
    for key in path[:-1]:
        section = section[key]
    wrong = path[-1][:-1] + "x"
    section[wrong] = section.pop(path[-1])
    message = problems(values)
    assert f"{'.'.join((*path[:-1], wrong))}: unknown key; did you mean '{path[-1]}'?" in message
    assert f"{'.'.join(path)}: missing; config/config.yaml has its default" in message


def test_a_key_like_no_other_lists_those_that_exist() -> None:
    assert "mixtures.zzzz: unknown key; known here: count, seconds, silence, weights" in problems(
        changed(mixtures__zzzz=1)
    )


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"seed": -1}, "seed"),
        ({"device": "gpu"}, "device"),
        ({"slakh__sample_rate": 0}, "slakh.sample_rate"),
        ({"slakh__source": "zenodo"}, "slakh.source"),
        ({"slakh__classes": ["drums"]}, "slakh.classes"),
        ({"slakh__mini__seconds": float("nan")}, "slakh.mini.seconds"),
        ({"mixtures__seconds": "three"}, "mixtures.seconds"),
        ({"mixtures__count__test": 0}, "mixtures.count.test"),
        ({"mixtures__weights": [0.5, 0.0]}, "mixtures.weights.1"),
        ({"vqvae__strides": [8, 3]}, "vqvae.strides.1"),
        ({"vqvae__codes": 65537}, "vqvae.codes"),
        ({"vqvae__training__steps": 1.5}, "vqvae.training.steps"),
        ({"priors__drums__dropout": 1.0}, "priors.drums.dropout"),
        ({"separation__samplers__beam__method": "viterbi"}, "separation.samplers.beam.method"),
        ({"separation__samplers__beam__temperature": 0}, "separation.samplers.beam.temperature"),
        (
            {"separation__samplers__beam__likelihood_weight": -1},
            "separation.samplers.beam.likelihood_weight",
        ),
        ({"supervised__conv_tasnet__kernel": 3}, "supervised.conv_tasnet.kernel"),
        ({"residual__strength": 0}, "residual.strength"),
        ({"vqvae__encoder_kernel": 0}, "vqvae.encoder_kernel"),
        ({"priors__drums__activation": "relu"}, "priors.drums.activation"),
        ({"mnist__colours": 2}, "mnist.colours"),
        ({"mnist__mixtures__sources": 1}, "mnist.mixtures.sources"),
        ({"mnist__mixtures__count__test": None}, "mnist.mixtures.count.test"),
        ({"mnist__augmentation__copies": -1}, "mnist.augmentation.copies"),
        ({"mnist__separation__precision": "float16"}, "mnist.separation.precision"),
        (
            {"mnist__separation__samplers__top_k_64__method": "viterbi"},
            "mnist.separation.samplers.top_k_64.method",
        ),
        ({"mnist__separation__methods__lass__choice": "best"}, "mnist.separation.methods.lass.choice"),
    ],
)
def test_a_value_out_of_bounds_is_named(changes: dict[str, Any], key: str) -> None:
    (value,) = changes.values()
    message = problems(changed(**changes))
    (line,) = [line for line in message.splitlines() if line.startswith(f"  {key}: ")]
    assert line.endswith(")")
    assert "(got " in line
    assert repr(value) in line or isinstance(value, list)


def test_every_problem_is_reported_at_once() -> None:
    message = problems(changed(seed=-1, device="gpu", evaluation__window=0))
    assert len(message.splitlines()) == 4
    assert "config/README.md" in message.splitlines()[0]


# --- sections that have to fit together ---


def unsupervised(**prior: Any) -> dict[str, Any]:
    """One prior for both sources."""
    values = changed(separation__priors={"drums": "music", "bass": "music"})
    values["priors"]["music"] = values["priors"]["drums"] | {"classes": ["drums", "bass"]} | prior
    return values


def test_one_prior_may_serve_several_sources() -> None:
    parse_config(unsupervised())
    parse_config(unsupervised(conditional=True))


def test_a_prior_that_is_not_trained_here_may_know_other_classes() -> None:
    classes = ["drums", "piano"]
    parse_config(changed(pretrained=True, priors__drums__classes=classes))
    values = changed(pretrained=False)
    values["priors"]["unused"] = values["priors"]["bass"] | {"classes": classes}
    parse_config(values)


def test_null_takes_an_entry_of_the_default_away() -> None:
    values = unsupervised()
    values["priors"] |= {"drums": None, "bass": None}
    assert set(parse_config(values).priors) == {"music"}


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_of_overrides_is_valid(path: Path) -> None:
    def merged(values: Any, changes: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(changes, dict):
            return changes
        return values | {key: merged(values.get(key), change) for key, change in changes.items()}

    changes = yaml.safe_load(path.read_text(encoding="utf-8"))
    for faces in changes.get("image_sets", {}).values():
        faces["root"] = "/a/folder"  # which its user has to name
    parse_config(merged(defaults(), changes))


def test_baselines_are_those_of_the_library() -> None:
    assert music.BLIND == blind.METHODS
    assert music.SUPERVISED == supervised.NETWORKS
    assert (music.SHORTEST_BLIND, music.LOWEST_BLIND) == (blind.SHORTEST, blind.LOWEST_RATE)


def test_three_sources() -> None:
    values = changed(slakh__classes=["drums", "bass", "piano"])
    values["priors"]["piano"] = values["priors"]["bass"] | {"classes": ["piano"]}
    values["separation"]["priors"]["piano"] = "piano"
    with pytest.raises(ValueError, match=r"tables\.sdr names ft2d, which splits a mixture in two"):
        parse_config(values)
    values["separation"]["tables"]["sdr"] = ["mixture", "lass"]
    assert parse_config(values).weights == [1 / 3] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slakh__source": "folder"}, "slakh.root must name a folder"),
        ({"slakh__classes": ["drums", "drums"]}, "names a class twice"),
        ({"mixtures__weights": [1.0]}, "mixtures.weights [1.0] needs one number per source"),
        ({"mixtures__weights": [0.3, 0.7]}, "mixtures.weights [0.3, 0.7] must be equal"),
        ({"mixtures__seconds": 0.001}, "mixtures.seconds 0.001 is shorter than one token"),
        ({"vqvae__channels": [64] * 9}, "needs one width per stride of ["),
        ({"vqvae__crop": 16385}, "vqvae.crop 16385 must be a multiple of "),
        ({"vqvae__crop": 1024}, "and at least 2048"),
        (
            {"priors__drums__width": 250, "priors__drums__heads": 4},
            "priors.drums: width 250 must be a multiple of 2 * heads = 8",
        ),
        ({"priors__drums__heads": 4, "priors__drums__kv_heads": 3}, "heads 4 a multiple of kv_heads 3"),
        (
            {"pretrained": False, "priors__drums__classes": ["drums", "piano"]},
            "priors.drums.classes ['drums', 'piano'] must be among slakh.classes ['drums', 'bass']",
        ),
        ({"separation__priors": {"drums": "drums"}}, "separation.priors must name a prior for each class"),
        (
            {"separation__priors": {"drums": "drums", "bass": "tuba"}},
            "separation.priors.bass is 'tuba', but priors has only ['bass', 'drums']",
        ),
        (
            {"separation__priors": {"drums": "drums", "bass": "drums"}},
            "separation.priors.bass is 'drums', which models ['drums']",
        ),
        (
            {"separation__samplers__beam__method": "top_k"},
            "separation.samplers.beam: top_k is needed by the method top_k",
        ),
        ({"separation__samplers__beam__top_k": 5}, "samplers.beam: top_k is needed by the method top_k"),
        (
            {"separation__samplers__greedy__hypotheses": 9},
            "separation.samplers.greedy: hypotheses is 9, but the method greedy follows exactly 1",
        ),
        (
            {"mixtures__seconds": 2, "evaluation__window": 2.5},
            "evaluation.window 2.5 is longer than a mixture of 2 s",
        ),
        (
            {"mixtures__seconds": 0.5, "evaluation__window": 0.5},
            "names ft2d, which needs mixtures of 1.0 s at 1000 Hz at least, not 0.5 s at 16000 Hz",
        ),
    ],
)
def test_sections_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    found = problems(changed(**changes))
    assert message in found
    assert "Value error" not in found
    assert len(found) < 500  # the message, not the whole section


# --- image sets ---


def with_set(name: str, **changes: Any) -> dict[str, Any]:
    """The defaults with a further image set `name`, like mnist but for `changes`."""
    values = defaults()
    values["image_sets"][name] = deepcopy(values["mnist"]) | changes
    return values


def test_sizes_of_images_follow_from_the_settings() -> None:
    mnist = parse_config(defaults()).mnist
    assert mnist.image == (1, 28, 28)
    assert mnist.tokens_per_mixture == (28 // mnist.vqvae.hop) ** 2
    assert mnist.weights == [0.5, 0.5]


def test_further_image_sets() -> None:
    values = with_set("faces", source="folder", root="/data", classes=["face"], colours=3, size=64)
    faces = values["image_sets"]["faces"]
    faces["priors"]["digits"]["classes"] = ["face"]
    faces["separation"]["priors"] = {"face": "digits"}
    values["datasets"] = ["slakh", "mnist", "faces"]
    config = parse_config(values)
    assert list(config.images) == ["mnist", "faces"]
    assert config.images["faces"].image == (3, 64, 64)
    values["image_sets"]["faces"] = None
    values["datasets"] = ["mnist"]
    assert list(parse_config(values).images) == ["mnist"]


def test_counts_in_the_order_of_the_classes_need_priors_that_tell_them_apart() -> None:
    values = changed(likelihood__symmetric=False, mixtures__weights=[0.3, 0.7])
    assert "names ft2d, which does not know which of mixtures.weights [0.3, 0.7] is whose" in problems(values)
    values["separation"]["tables"]["sdr"] = ["mixture", "lass"]
    assert parse_config(values).weights == [0.3, 0.7]
    values["priors"]["music"] = values["priors"]["drums"] | {
        "classes": ["drums", "bass"],
        "conditional": True,
    }
    values["separation"]["priors"] = {"drums": "music", "bass": "music"}
    parse_config(values)
    values["priors"]["music"]["conditional"] = False
    assert "the prior 'music' stands for several classes and is not told which" in problems(values)


def test_null_takes_a_sampler_and_its_method_away() -> None:
    values = defaults()
    separation = values["mnist"]["separation"]
    assert "methods.beam.sampler is 'beam'" in problems(changed(mnist__separation__samplers__beam=None))
    separation["samplers"]["beam"] = separation["methods"]["beam"] = None
    separation["tables"]["samplers"] = ["greedy"]
    assert "beam" not in parse_config(values).mnist.separation.methods


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets": []}, "datasets"),
        ({"datasets": ["slakh", "slakh"]}, "datasets ['slakh', 'slakh'] must name different ones of"),
        ({"datasets": ["celeba"]}, "datasets ['celeba'] must name different ones of ['slakh', 'mnist']"),
        ({"mnist__source": "folder"}, "mnist: source is 'folder', so root must name a folder"),
        ({"mnist__mirrors": []}, "mnist: root and mirrors are empty"),
        ({"mnist__classes": ["zero"] * 10}, "names a class twice"),
        ({"mnist__classes": ["zero", "one"]}, "source is 'mnist', which needs 10 classes"),
        ({"mnist__size": 32}, "colours 1 and size 28, not 10, 1 and 32"),
        ({"mnist__vqvae__strides": [2, 4]}, "size 28 must be a multiple of 8"),
        ({"mnist__vqvae__encoder_kernel": 2}, "mnist.vqvae: vqvae.encoder_kernel 2 must be odd"),
        ({"mnist__mixtures__weights": [0.5]}, "mixtures.weights [0.5] needs one number per source, 2 in all"),
        ({"mnist__mixtures__weights": [0.3, 0.7]}, "mixtures.weights [0.3, 0.7] must be equal"),
        ({"mnist__mixtures__sources": 8}, "vqvae.codes 256 is too large for 8 sources"),
        ({"mnist__mixtures__sources": 3}, "samplers.patches.likelihood is 'patches', which is for 2 sources"),
        ({"mnist__vqvae__codes": 2048}, "samplers.patches.likelihood is 'patches', for which 2048 codes"),
        (
            {"mnist__separation__priors__zero": "x"},
            "mnist.separation.priors.zero is 'x', but mnist.priors has",
        ),
        ({"mnist__separation__priors": {}}, "mnist.separation.priors must name a prior for each class of"),
        (
            {"pretrained": False, "mnist__priors__digits__classes": ["ten", "zero"]},
            "classes ['ten', 'zero'] must be among mnist.classes",
        ),
        ({"mnist__separation__methods__lass__sampler": "x"}, "methods.lass.sampler is 'x', but samplers has"),
        ({"mnist__separation__methods__lass__refined": 9}, "methods.lass.refined is 9, but"),
        (
            {"mnist__separation__methods__lass__refined": 0},
            "methods.lass: refined is 0: refinement is needed",
        ),
        (
            {"mnist__separation__methods__lass__refinement": None},
            "refinement is needed where it is at least 1",
        ),
        ({"supervised__hybrid_demucs__depth": 4}, "window 2048 must be 512 or 1024 for 4 layers"),
        ({"separation__methods__lass__sampler": "x"}, "methods.lass.sampler is 'x', but samplers has only"),
        (
            {"separation__samplers__beam__likelihood": "patches"},
            "samplers.beam.likelihood is 'patches', which is for images",
        ),
        ({"separation__tables__sdr": ["average"]}, "tables.sdr ['average'] must name different ones of"),
        (
            {"mnist__separation__methods__lass__consistency": "residual"},
            "methods.lass.consistency is 'residual', which is for music",
        ),
        (
            {"mnist__separation__methods__lass__mask": {"window": 64, "templates": 1, "rounds": 1}},
            "methods.lass.mask: unknown key",
        ),
        (
            {"mixtures__seconds": 1, "separation__methods__masked__mask__window": 32000},
            "methods.masked.mask.window 32000 must be less than twice the 16000 samples of a mixture",
        ),
        ({"separation__methods__masked__mask": 4096}, "methods.masked.mask: Input should be"),
        ({"separation__methods__masked__mask__window": 130}, "mask.window: Input should be a multiple of 4"),
        (
            {"separation__methods__masked__mask__templates": 95},
            "methods.masked.mask.templates 95 must be less than the 94 frames and 1025 frequencies",
        ),
        ({"mnist__separation__samplers__greedy__kept": 2}, "kept is 2, but there are only 1 hypotheses"),
        ({"mnist__separation__samplers__greedy__hypotheses": 2}, "greedy follows exactly 1"),
        ({"mnist__separation__samplers__top_k_64__top_k": None}, "top_k is needed by the method top_k"),
        (
            {"mnist__separation__samplers__greedy__resampling": 0.5},
            "resampling is needed by the method particle",
        ),
        (
            {"mnist__separation__tables__psnr": ["lass", "x"]},
            "tables.psnr ['lass', 'x'] must name different ones",
        ),
        ({"mnist__separation__tables__psnr": ["lass", "lass"]}, "tables.psnr ['lass', 'lass'] must name"),
    ],
    ids=str,
)
def test_sections_of_images_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    assert message in problems(changed(**changes))


@pytest.mark.parametrize("name", ["slakh", "mnist", "logs", "examples", "benchmarks"])
def test_names_that_no_image_set_can_have(name: str) -> None:
    assert f"image_sets.{name}: the name is taken" in problems(with_set(name))


@pytest.mark.parametrize("name", ["average", "nmf", "codec_ceiling", "candidates", "scores"])
def test_names_that_no_method_can_have(name: str) -> None:
    values = defaults()
    methods = values["mnist"]["separation"]["methods"]
    methods[name] = methods["lass"]
    assert f"methods.{name}: the name is taken" in problems(values)


def test_a_codebook_too_large_for_so_many_sources() -> None:
    """Tuples are counted as 64-bit keys: K^(N + 1) has to stay below 2^63."""
    values = changed(slakh__classes=["drums", "bass", "piano"], vqvae__codes=65536)
    values["priors"]["piano"] = values["priors"]["bass"] | {"classes": ["piano"]}
    values["separation"]["priors"]["piano"] = "piano"
    assert "vqvae.codes 65536 is too large for 3 sources" in problems(values)


def test_validation_leaves_its_input_alone() -> None:
    values = defaults()
    before = deepcopy(values)
    assert isinstance(parse_config(values), Config)
    assert values == before


def test_the_bound_of_patches_is_that_of_the_library() -> None:
    assert images.LARGEST_PATCHES == patches.LARGEST
