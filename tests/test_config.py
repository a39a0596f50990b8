"""The configuration: defaults, schema and models say the same, and every mistake is named with its key."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from lass.config import AudioDataset, Config, ImageDataset, json_schema, parse_config, resolved, write_schema

ROOT = Path(__file__).parents[1]
CHOSEN = {"datasets", "priors", "decoders", "methods", "tables", "files", "denoisers"}
"""Sections whose names the user chooses."""
Keys = tuple[str, ...]
Values = dict[str, Any]


def defaults() -> Values:
    """The default configuration, without the anchors that YAML shares between sections."""
    values: Values = json.loads(json.dumps(yaml.safe_load((ROOT / "config/config.yaml").read_text())))
    return values


def changed(changes: Mapping[str, Any], values: Values | None = None) -> Values:
    """The defaults, or other `values`, with changes under keys such as `datasets.slakh.codec.codes`."""
    values = values or defaults()
    for name, value in changes.items():
        *parents, key = name.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
        section[key] = value
    return values


def of_slakh(changes: Mapping[str, Any]) -> Values:
    """The defaults with other values of the audio data set."""
    return changed({f"datasets.slakh.{key}": value for key, value in changes.items()})


def of_mnist(changes: Mapping[str, Any]) -> Values:
    """The defaults with other values of the image data set."""
    return changed({f"datasets.mnist.{key}": value for key, value in changes.items()})


def slakh(changes: Mapping[str, Any]) -> AudioDataset:
    """The audio data set with other values."""
    dataset = parse_config(of_slakh(changes)).datasets["slakh"]
    assert isinstance(dataset, AudioDataset)
    return dataset


def mnist(changes: Mapping[str, Any]) -> ImageDataset:
    """The image data set with other values."""
    dataset = parse_config(of_mnist(changes)).datasets["mnist"]
    assert isinstance(dataset, ImageDataset)
    return dataset


def problems(values: Values) -> str:
    """The message with which a configuration is refused."""
    with pytest.raises(ValueError, match="the configuration is not valid") as caught:
        parse_config(values)
    return str(caught.value)


# --- defaults, schema, models ---


def test_the_default_is_valid() -> None:
    config = parse_config(defaults())
    assert config.targets == ["slakh"]
    assert config.named("audio") == ["slakh"]
    assert config.named("images") == ["mnist"]


def test_what_the_models_say_of_the_default_is_a_configuration() -> None:
    """Jobs get dumped settings: they are the same settings again."""
    config = parse_config(defaults())
    assert parse_config(config.model_dump(mode="json")) == config


def test_sizes_of_audio_follow_from_the_settings() -> None:
    settings = {"codec.strides": [4, 10], "codec.channels": [8, 8], "codec.crop": 4000}
    dataset = slakh({**settings, "sample_rate": 8000, "mixtures.seconds": 1.004})
    assert dataset.codec.hop == 40
    assert dataset.tokens == 201  # 200.8
    assert dataset.length == 8040
    assert dataset.seconds == 1.005
    assert dataset.weights == [0.5, 0.5]
    assert slakh({"mixtures.weights": [0.4, 0.4]}).weights == [0.4, 0.4]


def test_sizes_of_images_follow_from_the_settings() -> None:
    dataset = mnist({})
    assert dataset.image == (1, 28, 28)
    assert dataset.tokens == (28 // dataset.codec.hop) ** 2 == 49
    assert dataset.weights == [0.5, 0.5]


def test_the_schema_file_is_that_of_the_models(tmp_path: Path) -> None:
    """Made by `python -m lass.config`."""
    write_schema(tmp_path / "schema.json")
    kept = (ROOT / "workflow/schemas/config.schema.json").read_text()
    assert (tmp_path / "schema.json").read_text() == kept


def sections_of_the_schema() -> dict[str, Values]:
    schema = json_schema()
    return {"Config": schema, **schema["$defs"]}


@pytest.mark.parametrize("name", sorted(sections_of_the_schema()))
def test_every_key_has_a_description_and_a_unit_and_no_other_is_allowed(name: str) -> None:
    section = sections_of_the_schema()[name]
    assert section["additionalProperties"] is False
    for key, entry in section["properties"].items():
        assert entry.get("description"), f"{name}.{key} does not say what it means"
        assert entry.get("unit"), f"{name}.{key} has no unit"


def test_a_configuration_cannot_be_changed() -> None:
    config = parse_config(defaults())
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1
    with pytest.raises(ValueError, match="frozen"):
        config.datasets["slakh"].separation.decoders["beam"].likelihood_weight = 1.0


def test_validation_leaves_its_input_alone() -> None:
    values = defaults()
    before = deepcopy(values)
    assert isinstance(parse_config(values), Config)
    assert values == before


BEHIND = {"two_voices": "speech", "two_sounds": "speech", "three_sources_anew": "three_sources"}
"""Files of overrides that are given behind another."""


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_of_overrides_is_valid(path: Path) -> None:
    def merged(values: Any, changes: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(changes, dict):
            return changes
        return values | {key: merged(values.get(key), change) for key, change in changes.items()}

    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    values = defaults()
    if path.stem in BEHIND:
        first = ROOT / "config" / f"{BEHIND[path.stem]}.yaml"
        values = merged(values, yaml.safe_load(first.read_text(encoding="utf-8")))
    parse_config(merged(values, yaml.safe_load(text)))


# --- unknown, missing and wrong values ---


def every_key() -> list[Keys]:
    """The path of every key that the default may have, of names that the user chooses one for each kind."""
    seen = set()

    def walk(values: Any, path: Keys, general: Keys) -> Iterator[Keys]:
        for key, value in values.items():
            if path and path[-1] in CHOSEN:
                kind = value.get("kind", "") if isinstance(value, dict) else ""
                place = (*general, f"*{kind}")
            else:
                place = (*general, key)
                if place not in seen and path[-1:] != ("priors",):
                    yield (*path, key)
            if isinstance(value, dict):
                yield from walk(value, (*path, key), place)
            seen.add(place)

    return list(walk(parse_config(defaults()).model_dump(mode="json"), (), ()))


@pytest.mark.parametrize("path", [path for path in every_key() if path[-1] != "kind"], ids=".".join)
def test_a_misspelt_key_names_the_nearest(path: Keys) -> None:
    values = parse_config(defaults()).model_dump(mode="json")
    section = values
    for key in path[:-1]:
        section = section[key]
    wrong = path[-1][:-1] + "x"
    section[wrong] = section.pop(path[-1])
    assert f"{'.'.join((*path[:-1], wrong))}: unknown key; did you mean '{path[-1]}'?" in problems(values)


def test_keys_at_every_depth_are_tried() -> None:
    paths = {".".join(path) for path in every_key()}
    assert {
        *("seed", "evaluation.examples", "datasets.slakh.composed.songs.train"),
        *("datasets.slakh.separation.decoders.particles.resampling", "datasets.mnist.colours"),
        "datasets.slakh.priors.drums.training.steps",
    } <= paths
    assert len(paths) > 150


@pytest.mark.parametrize("path", [("datasets", "slakh"), ("datasets", "slakh", "codec"), ("seed",)])
def test_a_missing_key_is_named(path: Keys) -> None:
    values = defaults()
    section = values
    for key in path[:-1]:
        section = section[key]
    lost = path[-1]
    if lost == "slakh":
        section["slakh"].pop("kind")
        assert "datasets.slakh: has no kind; give one of 'kind'" in problems(values)
    else:
        section.pop(lost)
        assert f"{'.'.join(path)}: missing; config/config.yaml has its default" in problems(values)


def test_a_key_like_no_other_lists_those_that_exist() -> None:
    message = problems(of_slakh({"mixtures.zzzz": 1}))
    known = "count, pairing, seconds, silence, sources, weights"
    assert f"datasets.slakh.mixtures.zzzz: unknown key; known here: {known}" in message


@pytest.mark.parametrize(
    ("decoder", "key"),
    [
        *(("greedy", "temperature"), ("greedy", "hypotheses"), ("greedy", "kept"), ("greedy", "top_k")),
        *(("beam", "temperature"), ("beam", "top_k"), ("beam", "resampling")),
        *(("ancestral", "top_k"), ("ancestral", "resampling"), ("top_k_16", "resampling")),
        ("particles", "top_k"),
    ],
)
def test_a_decoder_has_only_its_own_keys(decoder: str, key: str) -> None:
    """A key that a decoder would not look at is refused, not passed over."""
    values = of_slakh({f"separation.decoders.{decoder}.{key}": 1})
    assert f"datasets.slakh.separation.decoders.{decoder}.{key}: unknown key; " in problems(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", -1),
        ("device", "gpu"),
        ("evaluation.timed_batches", 0),
        ("datasets.slakh.sample_rate", 0),
        ("datasets.slakh.source", "zenodo"),
        ("datasets.slakh.composed.seconds", float("nan")),
        ("datasets.slakh.mixtures.seconds", "three"),
        ("datasets.slakh.mixtures.count.test", 0),
        ("datasets.slakh.mixtures.pairing", "alone"),
        ("datasets.slakh.mixtures.sources", ["drums"]),
        ("datasets.slakh.codec.codes", 65537),
        ("datasets.slakh.codec.training.steps", 1.5),
        ("datasets.slakh.codec.training.precision", "float16"),
        ("datasets.slakh.codec.encoder_kernel", 0),
        ("datasets.slakh.priors.drums.dropout", 1.0),
        ("datasets.slakh.priors.drums.activation", "relu"),
        ("datasets.slakh.separation.decoders.particles.temperature", 0),
        ("datasets.slakh.separation.decoders.particles.resampling", 1.1),
        ("datasets.slakh.separation.decoders.beam.likelihood_weight", -1),
        ("datasets.slakh.separation.methods.masked.mask.window", 130),
        ("datasets.slakh.separation.methods.masked.mask", 4096),
        ("datasets.slakh.supervised.conv_tasnet.kernel", 3),
        ("datasets.slakh.residual.strength", 0),
        ("datasets.slakh.tables.decoders.split", "train"),
        ("datasets.slakh.window", 0),
        ("datasets.mnist.colours", 2),
        ("datasets.mnist.mixtures.sources", 1),
        ("datasets.mnist.augmentation.copies", -1),
        ("datasets.mnist.separation.precision", "float16"),
        ("datasets.mnist.separation.methods.lass.choice", "best"),
    ],
)
def test_a_value_out_of_bounds_is_named(key: str, value: Any) -> None:
    message = problems(changed({key: value}))
    (line,) = [line for line in message.splitlines() if line.startswith(f"  {key}: ")]
    assert line.endswith(f"(got {value!r})")


def test_machines_choose_the_precision_where_nobody_does() -> None:
    """The default, in every example: what rules are told is the same on every machine."""
    datasets = parse_config(defaults()).datasets.values()
    assert {dataset.separation.precision for dataset in datasets} == {"auto"}
    assert {dataset.codec.training.precision for dataset in datasets} == {"auto"}
    assert {dataset.decoding_job("beam", seed=0).precision for dataset in datasets} == {"auto"}
    message = problems(changed({"datasets.slakh.codec.training.bfloat16": True}))
    assert "datasets.slakh.codec.training.bfloat16: unknown key; " in message


def test_a_decoder_is_told_nothing_that_it_does_not_ask_for() -> None:
    """Or another prior, or more tuples, would draw its candidates anew."""
    slakh = parse_config(defaults()).datasets["slakh"]
    jobs = {name: slakh.decoding_job(name, seed=0) for name in ("beam", "learned", "heard")}
    told = {name: (len(job.priors), job.counted_from.tuples) for name, job in jobs.items()}
    assert told == {"beam": (2, 20_000_000), "learned": (2, None), "heard": (0, None)}


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("datasets.slakh.mixtures.weights", [0.5, 0.0], "datasets.slakh.mixtures.weights.1"),
        ("datasets.slakh.codec.strides", [8, 3], "datasets.slakh.codec.strides.1"),
        ("datasets.slakh.tables.decoders.rows", ["Beam"], "datasets.slakh.tables.decoders.rows.0"),
        ("datasets.slakh.separation.priors.drums", "Mine", "datasets.slakh.separation.priors.drums"),
    ],
)
def test_a_wrong_part_of_a_list_is_named(key: str, value: Any, place: str) -> None:
    """Also in a table that has the name of a section whose kinds are left out of paths."""
    assert f"  {place}: " in problems(changed({key: value}))


def test_a_prior_may_have_the_name_of_a_union() -> None:
    values = of_slakh({"priors.decoders": defaults()["datasets"]["slakh"]["priors"]["drums"]})
    values["datasets"]["slakh"]["priors"]["decoders"]["training"]["steps"] = 0
    assert "datasets.slakh.priors.decoders.training.steps: " in problems(values)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("datasets.slakh.kind", "'audio', 'images'"),
        (
            "datasets.slakh.separation.decoders.beam.kind",
            "'greedy', 'beam', 'ancestral', 'top_k', 'particle'",
        ),
    ],
)
def test_a_kind_that_does_not_exist_lists_those_that_do(key: str, kinds: str) -> None:
    message = problems(changed({key: "viterbi"}))
    assert f"{key.removesuffix('.kind')}: " in message
    assert "'viterbi'" in message
    assert kinds in message


@pytest.mark.parametrize("name", ["Drums", "two words", "1st", "a-b"])
def test_a_name_that_files_cannot_have_is_refused(name: str) -> None:
    values = defaults()
    values["datasets"]["slakh"]["priors"][name] = values["datasets"]["slakh"]["priors"]["drums"]
    assert name in problems(values)


def test_every_problem_is_reported_at_once() -> None:
    message = problems(changed({"seed": -1, "device": "gpu", "datasets.slakh.window": 0}))
    assert len(message.splitlines()) == 4
    assert "docs/configuration.md" in message.splitlines()[0]


# --- which data sets ---


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([], "targets: List should have at least 1 item"),
        (["slakh", "slakh"], "targets ['slakh', 'slakh'] must name different ones of the datasets"),
        (["celeba"], "targets ['celeba'] must name different ones of the datasets ['mnist', 'slakh']"),
    ],
)
def test_targets_that_are_no_data_sets(targets: list[str], message: str) -> None:
    assert message in problems(changed({"targets": targets}))


@pytest.mark.parametrize("name", ["logs", "benchmarks"])
def test_names_that_no_data_set_can_have(name: str) -> None:
    values = defaults()
    values["datasets"][name] = values["datasets"]["mnist"]
    assert f"datasets.{name}: the name is taken" in problems(values)


def test_tables_have_files_of_their_own() -> None:
    """`results/slakh_small_sdr.csv` is the table small_sdr of slakh, or sdr of slakh_small."""
    values = of_slakh({"tables.small_sdr": {"rows": ["lass"]}})
    values["datasets"]["slakh_small"] = {**values["datasets"]["slakh"], "tables": {"sdr": {"rows": ["lass"]}}}
    assert "two tables would be results/slakh_small_sdr.csv: rename" in problems(values)
    tables = {"tables.sdr_failures": {"rows": ["lass"]}}  # that is what the failures of `sdr` are called
    assert "two tables would be results/slakh_sdr_failures.csv: rename" in problems(of_slakh(tables))
    assert "separations" in problems(of_slakh({"tables.separations": {"rows": ["lass"]}}))


def test_two_data_sets_of_audio() -> None:
    values = defaults()
    values["datasets"]["mine"] = {**deepcopy(values["datasets"]["slakh"]), "sample_rate": 8000}
    values["targets"] = ["mine", "slakh", "mnist"]
    config = parse_config(values)
    assert config.named("audio") == ["slakh", "mine"]
    assert [config.datasets[name].tokens for name in ("slakh", "mine")] == [750, 375]
    values["datasets"]["mine"]["codec"]["crop"] = 1
    assert "datasets.mine.codec: crop 1 must be" in problems(values)


def test_a_further_data_set_of_images() -> None:
    values = defaults()
    faces = deepcopy(values["datasets"]["mnist"])
    faces |= {"source": "folder", "root": "/data", "classes": ["face"], "colours": 3, "size": 64}
    faces["priors"]["digits"]["classes"] = ["face"]
    faces["separation"]["priors"] = {"face": "digits"}
    faces["diffusion"], faces["tables"]["psnr"]["rows"] = None, ["lass"]
    values["datasets"]["faces"] = faces
    values["targets"] = ["slakh", "mnist", "faces"]
    config = parse_config(values)
    assert config.named("images") == ["mnist", "faces"]
    dataset = config.datasets["faces"]
    assert isinstance(dataset, ImageDataset)
    assert dataset.image == (3, 64, 64)


def test_null_takes_a_data_set_away() -> None:
    assert list(parse_config(changed({"datasets.mnist": None})).datasets) == ["slakh"]
    assert "targets ['slakh'] must name" in problems(changed({"datasets.slakh": None}))


# --- which sources ---


def speech(**mixtures: Any) -> Values:
    """The defaults, with recordings of one class, two of which are mixed."""
    values = of_slakh({"source": "utterances", "root": "/data", "classes": ["speech"], "composed": None})
    dataset = values["datasets"]["slakh"]
    dataset["priors"] = {"speech": {**dataset["priors"]["drums"], "classes": ["speech"]}}
    dataset["separation"]["priors"] = {"speech": "speech"}
    dataset["tables"] = {"sdr": {"rows": ["mixture", "lass"]}}
    dataset["diffusion"] = None
    dataset["mixtures"] |= {"sources": ["speech", "speech"], "pairing": "apart", **mixtures}
    return values


def test_sources_of_one_class() -> None:
    dataset = parse_config(speech()).datasets["slakh"]
    assert isinstance(dataset, AudioDataset)
    assert dataset.sources == 2
    assert dataset.weights == [0.5, 0.5]
    assert dataset.labels("lass") == {"speech": "speech"}
    drawing = dataset.drawing("test", seed=0)
    assert drawing.mixing.sources == ("speech", "speech")
    assert drawing.pairing == "apart"


WORDS = {"package": "words", "voice": "ann", "files": ["*.wav"]}
PACKAGED: Values = {"classes": {"speech": [WORDS]}}


@pytest.mark.parametrize(
    ("changed_words", "message"),
    [
        ({**WORDS, "file": []}, "packages.classes.speech.0.file: unknown key; did you mean 'files'?"),
        ({**WORDS, "package": "../x"}, "speech.0.package: String should match pattern '^[a-z0-9]"),
        ({**WORDS, "voice": "Ann"}, "speech.0.voice: a name has lower-case letters, digits and underscores"),
    ],
    ids=str,
)
def test_unknown_keys_of_packages(changed_words: Values, message: str) -> None:
    """A list of sections: the key is looked for in one of them."""
    values = speech()
    values["datasets"]["slakh"] |= {
        "source": "packages",
        "packages": {"classes": {"speech": [changed_words]}},
    }
    assert message in problems(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mixtures.sources": None},
            "classes ['speech'] is one class: name two, or the class of every source",
        ),
        (
            {"mixtures.sources": ["speech", "noise"]},
            "mixtures.sources names 'noise', which is none of",
        ),
        ({"files": {"noise": ["a"]}}, "files names 'noise', which is none of the classes ['speech']"),
        (
            {"mixtures.pairing": "together"},
            "source is 'utterances', whose recordings have one class each: no two sources are of one",
        ),
        (
            {"mixtures.pairing": "together", "source": "stems"},
            "has a class twice, of which a track has one source: set mixtures.pairing",
        ),
        ({"likelihood.symmetric": False}, "'speech' stands for several sources, which nothing tells apart"),
        (
            {"tables": {"sdr": {"rows": ["conv_tasnet"]}}},
            "names conv_tasnet, which gives one source of every class of ['speech'], but a mixture has ['sp",
        ),
        ({"source": "composed"}, "source is 'composed', which reads no folder, but root is '/data'"),
        ({"root": None}, "source is 'utterances', so root must name the folder that is read"),
        ({"source": "stems", "root": ""}, "source is 'stems', so root must name the folder that is read"),
        ({"source": "composed", "root": None}, "source is 'composed', so the section composed is needed"),
        ({"source": "packages"}, "source is 'packages', so the section packages is needed"),
        ({"packages": PACKAGED}, "source is 'utterances', which reads no packages: leave the section out"),
        (
            {"source": "packages", "packages": PACKAGED, "held_out": 2},
            "source is 'packages', which names what is for validation, but held_out is 2: set it to null",
        ),
        (
            {"source": "packages", "packages": {"classes": {"noise": PACKAGED["classes"]["speech"]}}},
            "packages.classes names ['noise'], but the classes are ['speech']: name the same",
        ),
        (
            {"source": "packages", "packages": {**PACKAGED, "seconds": 1.0}},
            "packages.seconds 1 is shorter than mixtures.seconds 3: join recordings to longer ones",
        ),
        (
            {"source": "packages", "packages": {"classes": {"speech": [{**WORDS, "split": "train"}]}}},
            "packages.classes.speech has nothing for the split 'validation': name files for it",
        ),
    ],
    ids=str,
)
def test_sources_that_do_not_fit(changes: Values, message: str) -> None:
    values = speech()
    found = problems(changed({f"datasets.slakh.{key}": value for key, value in changes.items()}, values))
    assert message in found
    assert len(found) < 500


def test_three_sources() -> None:
    priors = defaults()["datasets"]["slakh"]["priors"]
    settings = {
        "classes": ["drums", "bass", "piano"],
        "priors.piano": priors["bass"] | {"classes": ["piano"]},
        "separation.priors.piano": "piano",
        "diffusion": None,
        "tables.sdr.rows": ["mixture", "rpca"],
    }
    assert "tables.sdr names rpca, which splits a mixture in two" in problems(of_slakh(settings))
    settings["tables.sdr.rows"] = ["mixture", "lass"]
    assert slakh(settings).weights == [1 / 3] * 3


def test_a_codebook_too_large_for_so_many_sources() -> None:
    """Tuples are counted as 64-bit keys: K^(N + 1) has to stay below 2^63."""
    priors = defaults()["datasets"]["slakh"]["priors"]
    settings = {
        "classes": ["drums", "bass", "piano"],
        "priors.piano": priors["bass"] | {"classes": ["piano"]},
        "separation.priors.piano": "piano",
        "diffusion": None,
        "codec.codes": 65536,
    }
    assert "codec.codes 65536 is too large for 3 sources" in problems(of_slakh(settings))


# --- priors ---


def shared(**prior: Any) -> Values:
    """One prior for both sources."""
    values = of_slakh({"separation.priors": {"drums": "music", "bass": "music"}})
    priors = values["datasets"]["slakh"]["priors"]
    priors["music"] = priors["drums"] | {"classes": ["drums", "bass"]} | prior
    return values


def test_one_prior_may_serve_several_sources() -> None:
    told = parse_config(shared(conditional=True)).datasets["slakh"]
    assert told.labels("lass") == {"drums": "drums", "bass": "bass"}
    untold = parse_config(shared()).datasets["slakh"]
    assert untold.labels("lass") == dict.fromkeys(["drums", "bass"], "music prior")


def test_a_prior_that_is_not_trained_here_may_know_other_classes() -> None:
    parse_config(of_slakh({"priors.drums.classes": ["drums", "piano"]}))
    values = changed({"pretrained": False})
    priors = values["datasets"]["slakh"]["priors"]
    priors["unused"] = priors["bass"] | {"classes": ["drums", "piano"]}
    parse_config(values)


def test_null_takes_an_entry_of_the_default_away() -> None:
    values = shared()
    values["datasets"]["slakh"]["priors"] |= {"drums": None, "bass": None}
    assert set(parse_config(values).datasets["slakh"].priors) == {"music"}


def test_counts_in_the_order_of_the_sources_need_priors_that_tell_them_apart() -> None:
    apart = {"likelihood.symmetric": False, "mixtures.weights": [0.3, 0.7]}
    assert "names rpca, which does not know which of mixtures.weights [0.3, 0.7] is whose" in problems(
        of_slakh(apart)
    )
    apart["tables"] = {"sdr": {"rows": ["mixture", "lass"]}}
    assert slakh(apart).weights == [0.3, 0.7]
    places = {f"datasets.slakh.{key}": value for key, value in apart.items()}
    parse_config(changed(places, shared(conditional=True)))
    message = problems(changed(places, shared(conditional=False)))
    assert "likelihood.symmetric is false, but 'music prior' stands for several sources" in message


# --- sections that have to fit together ---


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["drums", "drums"]}, "names a class twice"),
        ({"mixtures.weights": [1.0]}, "mixtures.weights [1.0] needs one number per source"),
        ({"mixtures.weights": [0.3, 0.7]}, "mixtures.weights [0.3, 0.7] must be equal"),
        ({"mixtures.seconds": 0.001}, "mixtures.seconds 0.001 is shorter than one token"),
        ({"codec.channels": [64] * 9}, "needs one width per stride of ["),
        ({"codec.encoder_kernel": 2}, "datasets.slakh.codec: encoder_kernel 2 must be odd"),
        ({"codec.crop": 16385}, "codec: crop 16385 must be a multiple of "),
        ({"codec.crop": 1024}, "and at least 2048"),
        (
            {"priors.drums.width": 250, "priors.drums.heads": 4},
            "priors.drums: width 250 must be a multiple of 2 * heads = 8",
        ),
        ({"priors.drums.heads": 4, "priors.drums.kv_heads": 3}, "heads 4 a multiple of kv_heads 3"),
        ({"separation.priors": {"drums": "drums"}}, "separation.priors must name a prior for each class"),
        (
            {"separation.priors": {"drums": "drums", "bass": "tuba"}},
            "separation.priors.bass is 'tuba', but priors has only ['bass', 'drums']",
        ),
        (
            {"separation.priors": {"drums": "drums", "bass": "drums"}},
            "separation.priors.bass is 'drums', which models ['drums']",
        ),
        ({"separation.decoders.beam.kept": 11}, "beam: kept is 11, but there are only 10 hypotheses"),
        ({"separation.decoders.beam": None}, "methods.lass.decoder is 'beam', but decoders has only"),
        ({"separation.methods.lass.decoder": "x"}, "methods.lass.decoder is 'x', but decoders has only"),
        ({"separation.methods.refined.refined": 11}, "methods.refined.refined is 11, but beam keeps only 10"),
        (
            {"separation.decoders.beam.likelihood": "frames"},
            "separation.decoders.beam.likelihood is 'frames', which is for images",
        ),
        (
            {"separation.decoders.beam.likelihood": "network", "likelihood.network": None},
            "tables.sdr names lass, which asks for the learned likelihood, so the section likelihood.network",
        ),
        (
            {"likelihood.network.seconds": 0.001, "tables.sdr.rows": ["learned"]},
            "likelihood.network.seconds 0.001 must be a token of the codec at least, and at most the 60 s of",
        ),
        (
            {"likelihood.network.seconds": 61, "tables.sdr.rows": ["learned"]},
            "likelihood.network.seconds 61 must be a token of the codec at least, and at most the 60 s of",
        ),
        (
            {"separation.decoders.learned.network_weight": 0.5},
            "network_weight is 0.5, which is for `likelihood: counts`, but likelihood is 'network'",
        ),
        ({"mixtures.seconds": 2, "window": 2.5}, "window 2.5 is longer than a mixture of 2 s"),
        (
            {"mixtures.seconds": 0.5, "window": 0.5},
            "names rpca, which needs mixtures of 1.0 s at 1000 Hz at least, not 0.5 s at 16000 Hz",
        ),
        ({"tables.sdr.rows": ["average"]}, "tables.sdr.rows ['average'] must name different ones of"),
        ({"tables.sdr": None}, "tables has ['decoders'], but a table named 'sdr' is needed"),
        ({"supervised.hybrid_demucs.depth": 4}, "window 2048 must be 512 or 1024 for 4 layers"),
        (
            {"supervised": None, "tables.sdr.rows": ["conv_tasnet"]},
            "tables.sdr names conv_tasnet, so the section supervised is needed",
        ),
        (
            {"mixtures.seconds": 1, "separation.methods.masked.mask.window": 32000},
            "methods.masked.mask.window 32000 must be less than twice the 16000 samples of a mixture",
        ),
        (
            {"separation.methods.masked.mask.templates": 95},
            "methods.masked.mask.templates 95 must be less than the 94 frames and 1025 frequencies",
        ),
    ],
    ids=str,
)
def test_sections_of_audio_that_do_not_fit(changes: Values, message: str) -> None:
    found = problems(of_slakh(changes))
    assert message in found
    assert "Value error" not in found
    assert len(found) < 700  # the message, not the whole section


def test_masks_are_looked_at_where_a_table_names_them() -> None:
    """Short mixtures are no reason to take the default's masked row away where no table has it."""
    settings = {"separation.methods.masked.mask.templates": 95}
    slakh({**settings, "tables": {"sdr": {"rows": ["lass"]}}})
    with pytest.raises(ValueError, match=r"masked\.mask\.templates 95"):
        slakh({**settings, "tables": {"sdr": {"rows": ["lass"]}, "more": {"rows": ["masked"]}}})


def test_classes_of_a_prior_that_is_trained_here_are_those_of_the_data() -> None:
    values = of_slakh({"priors.drums.classes": ["drums", "piano"]})
    assert (
        "datasets.slakh.priors.drums.classes ['drums', 'piano'] must be among the classes ['drums', 'bass']"
        in problems(changed({"pretrained": False}, values))
    )
    values = of_mnist({"priors.digits.classes": [*values["datasets"]["mnist"]["classes"], "ten"]})
    assert "must be among the classes ['zero'" in problems(changed({"pretrained": False}, values))


@pytest.mark.parametrize("location", [{}, {"source": "slakh", "root": "/songs", "composed": None}])
def test_a_class_that_slakhs_layout_does_not_have(location: dict[str, object]) -> None:
    """It was refused by a job, after the songs were composed."""
    priors = {"drums": "drums", "vocals": "bass", "bass": None}
    told = problems(
        of_slakh(
            {
                **location,
                "classes": ["drums", "vocals"],
                "separation.priors": priors,
                "priors.bass.classes": ["vocals"],
                "diffusion": None,
                "tables.sdr.rows": ["mixture"],
            }
        )
    )
    assert (
        "datasets.slakh: classes: source class 'vocals' is unknown in Slakh's layout: use some of bass"
        in told
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "zenodo"}, "source 'zenodo' is unknown: choose one of mnist, folder"),
        ({"source": "folder"}, "source is 'folder', so root must name a folder"),
        ({"mirrors": []}, "root and mirrors are empty"),
        ({"held_out": None}, "source is 'mnist', so held_out must say how many images are for validation"),
        ({"classes": ["zero"] * 10}, "names a class twice"),
        (
            {
                "classes": ["zero", "one"],
                "separation.priors": {"zero": "digits", "one": "digits"},
                "diffusion": None,
                "tables.psnr.rows": ["lass"],
            },
            "source is 'mnist', which needs 10 classes",
        ),
        ({"size": 32}, "colours 1 and size 28, not 10, 1 and 32"),
        ({"codec.strides": [2, 4]}, "size 28 must be a multiple of 8"),
        ({"codec.encoder_kernel": 2}, "codec: encoder_kernel 2 must be odd"),
        ({"mixtures.count.test": None}, "mixtures.count of images is an endless list: give numbers"),
        ({"mixtures.weights": [0.5]}, "mixtures.weights [0.5] needs one number per source, 2 in all"),
        ({"mixtures.weights": [0.3, 0.7]}, "mixtures.weights [0.3, 0.7] must be equal"),
        ({"mixtures.sources": 8}, "codec.codes 256 is too large for 8 sources"),
        (
            {"mixtures.sources": 3},
            "decoders.frames.likelihood is 'frames', which is for 2 sources, not for 3",
        ),
        ({"codec.codes": 2048}, "decoders.frames.likelihood is 'frames', which takes 1073741824 numbers"),
        ({"separation.priors.zero": "x"}, "separation.priors.zero is 'x', but priors has only ['digits']"),
        ({"separation.priors": {}}, "separation.priors must name a prior for each class of"),
        ({"separation.methods.lass.decoder": "x"}, "methods.lass.decoder is 'x', but decoders has only"),
        ({"separation.methods.lass.refined": 9}, "methods.lass.refined is 9, but top_k_64 keeps only 8"),
        ({"separation.methods.lass.refined": 0}, "methods.lass: refined is 0: refinement is needed"),
        ({"separation.methods.lass.refinement": None}, "refinement is needed where it is at least 1"),
        (
            {"separation.methods.lass.consistency": "residual"},
            "separation.methods.lass: consistency 'residual' and mask are for audio",
        ),
        (
            {"separation.methods.lass.mask": {"window": 64, "templates": 1, "rounds": 1}},
            "separation.methods.lass: consistency 'residual' and mask are for audio",
        ),
        ({"tables.psnr.rows": ["lass", "x"]}, "tables.psnr.rows ['lass', 'x'] must name different ones"),
        ({"tables.psnr.rows": ["lass", "lass"]}, "tables.psnr.rows ['lass', 'lass'] must name"),
        ({"tables.psnr": None}, "a table named 'psnr' is needed"),
        ({"nmf": None}, "tables.psnr names nmf, so the section nmf is needed"),
        (
            {"nmf": None, "fid.rows": ["nmf"], "tables.psnr.rows": ["lass"]},
            "fid.rows names nmf, so the section nmf is needed",
        ),
    ],
    ids=str,
)
def test_sections_of_images_that_do_not_fit(changes: Values, message: str) -> None:
    found = problems(of_mnist(changes))
    assert message in found
    assert "Value error" not in found


def test_null_takes_a_decoder_and_its_method_away() -> None:
    taken: Values = {"separation.decoders.beam": None}
    assert "methods.beam.decoder is 'beam', but decoders has only" in problems(of_mnist(taken))
    taken |= {"separation.methods.beam": None, "tables.decoders": {"rows": ["greedy"]}}
    assert "beam" not in mnist(taken).separation.methods


@pytest.mark.parametrize("name", ["average", "nmf", "codec_ceiling", "candidates", "scores"])
def test_names_that_no_method_of_images_can_have(name: str) -> None:
    method = defaults()["datasets"]["mnist"]["separation"]["methods"]["lass"]
    values = of_mnist({f"separation.methods.{name}": method})
    assert f"methods.{name}: the name is taken" in problems(values)


@pytest.mark.parametrize("name", ["mixture", "hpss", "conv_tasnet", "ideal_mask", "candidates", "scores"])
def test_names_that_no_method_of_audio_can_have(name: str) -> None:
    method = defaults()["datasets"]["slakh"]["separation"]["methods"]["lass"]
    values = of_slakh({f"separation.methods.{name}": method})
    assert f"methods.{name}: the name is taken" in problems(values)


def test_a_section_of_the_schema_that_may_be_null_is_itself() -> None:
    schema = json_schema()
    entry = schema["$defs"]["AudioDataset"]["properties"]["supervised"]
    assert "conv_tasnet" in resolved(entry, schema)["properties"]


def test_only_files_in_the_folder_of_the_codec_or_below_are_of_its_codes() -> None:
    dataset = slakh({"codec.checkpoint": "models/one/codec.safetensors"})
    for path in ("models/one/network.safetensors", "models/one/other/network.safetensors"):
        assert dataset.beside_codec(path) == path
    for other in ("models/two/network.safetensors", "models/network.safetensors", None):
        assert dataset.beside_codec(other) is None
    assert slakh({"codec.checkpoint": None}).beside_codec("models/one/network.safetensors") is None


def test_a_given_table_may_be_of_any_number_of_tuples() -> None:
    """Published ones say how many only in themselves."""
    given = {"codec.checkpoint": "m/codec.safetensors", "likelihood.checkpoint": "m/likelihood.safetensors"}
    assert slakh(given | {"likelihood.tuples": None}).tuple_origin.tuples is None
    counted = {"codebook": "ff", "sources": ["drums", "bass"], "weights": [0.5, 0.5], "tuples": 77}
    origin = slakh(given | {"likelihood.tuples": None}).tuple_origin
    origin.encoded("ff").check("m", counted)
    with pytest.raises(ValueError, match="m: counted with weights"):
        origin.encoded("ff").check("m", counted | {"weights": [0.4, 0.6]})
    elsewhere = {"likelihood.checkpoint": "other/likelihood.safetensors"}
    for changes in ({"likelihood.checkpoint": None}, elsewhere):
        with pytest.raises(ValueError, match=r"likelihood\.tuples is null, but the table is counted here"):
            slakh(given | {"likelihood.tuples": None} | changes)
    untrained = of_slakh(given | {"likelihood.tuples": None})
    with pytest.raises(ValueError, match=r"likelihood\.tuples is null"):
        parse_config(untrained | {"pretrained": False})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed({"seed": True}), "seed: a number is needed (got True)"),
        (changed({"seed": "true"}), "seed: a number is needed (got True)"),
        (of_mnist({"separation.batch": True}), "datasets.mnist.separation.batch: a number is needed"),
        (of_slakh({"mixtures.weights": [True, True]}), "slakh.mixtures.weights.1: a number is needed"),
    ],
)
def test_true_and_false_are_no_numbers(values: Values, message: str) -> None:
    assert message in problems(values)


def test_the_page_says_what_rows_mean_that_are_no_methods() -> None:
    rows = ["mixture", "nmf", "lass", "ideal_binary_mask"]
    job = slakh({"tables.sdr": {"rows": rows}}).page_job("sdr")
    assert list(job.meanings) == ["mixture", "ideal_binary_mask"]
    assert "what doing nothing scores" in job.meanings["mixture"]


@pytest.mark.parametrize(
    ("row", "runs"), [("mixture", False), ("nmf", False), ("codec_ceiling", True), ("lass", True)]
)
def test_rows_that_run_a_network(row: str, runs: bool) -> None:
    assert slakh({}).runs_network(row) is runs
    if row != "mixture":  # a row of audio
        assert mnist({}).runs_network(row) is runs
