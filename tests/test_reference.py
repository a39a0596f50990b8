"""The reference of the configuration is generated, complete and kept up to date."""

from pathlib import Path

from lass.config import Config
from lass.config.reference import reference, sections_below
from lass.settings import Section

ROOT = Path(__file__).parents[1]


def test_the_kept_reference_is_that_of_the_models() -> None:
    """Made by `python -m lass.config`."""
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == reference(Config)


def test_every_key_says_what_it_means_and_in_which_unit() -> None:
    models: list[tuple[type[Section], str]] = [(Config, ""), *sections_below(Config)]
    for model, place in models:
        for name, field in model.model_fields.items():
            if name == "kind":
                continue
            extra = field.json_schema_extra
            assert field.description, f"{place}.{name} has no description"
            assert isinstance(extra, dict), f"{place}.{name} has no unit"
            assert extra["unit"], f"{place}.{name} has no unit"


def test_every_section_has_its_place() -> None:
    places = {place: model.__name__ for model, place in sections_below(Config)}
    assert places["evaluation"] == "Evaluation"
    names = {model.__name__ for model, _ in sections_below(Config)}
    assert {"AudioDataset", "ImageDataset", "Beam", "Particle", "Refinement", "Training", "Mask"} <= names
