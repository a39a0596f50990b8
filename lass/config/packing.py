"""The model that the run of a data set is packed into, by the methods that are its presets."""

from typing import TYPE_CHECKING

from lass.bundle.settings import About, Denoisers, DiffusionPreset, Preset, Unpacked
from lass.config.separation import Packing, Presets
from lass.settings import distinct_names

if TYPE_CHECKING:
    from lass.config.dataset import Dataset


def default_packing(dataset: "Dataset", name: str) -> Packing:
    """That of a data set without the section `model`: the last row of its table that can be packed."""
    packed = [*dataset.separation.methods, *dataset.diffusion_methods]
    rows = [row for row in dataset.tables[dataset.main].rows if row in packed]
    summary = f"Made from the data set {name} by this workflow."
    return Packing(name=name, summary=summary, presets=Presets(best=rows[-1] if rows else packed[0]))


def packed_model(dataset: "Dataset", packing: Packing) -> Unpacked:
    """All that a model needs to separate, but for its files and results."""
    presets = {preset: preset_of(dataset, row) for preset, row in packing.presets.methods.items()}
    coded = [preset for preset in presets.values() if isinstance(preset, Preset)]
    codes, uses_priors = bool(coded), any(preset.decoder.uses_priors for preset in coded)
    counted = dataset.tuple_origin
    if not any(preset.decoder.uses_counts for preset in coded):
        counted = counted.model_copy(update={"tuples": None})
    diffusion = any(isinstance(preset, DiffusionPreset) for preset in presets.values())
    rate = dataset.check_codec.rate
    denoisers = Denoisers(rate=rate, priors=dataset.denoiser_of_each_class) if diffusion else None
    priors = dataset.prior_of_each_class if codes else dataset.denoiser_of_each_class
    of_class = dataset.mixing.sources or tuple(dataset.classes[:1] * dataset.sources)
    return Unpacked(
        about=About(name=packing.name, summary=packing.summary, licence=packing.licence),
        kind=dataset.library.kind,
        classes=dataset.classes,
        sources=distinct_names(dataset.mixing.sources or ["source"] * dataset.sources),
        of_class=list(of_class),
        labels={each.source: each.label for each in priors},
        weights=dataset.weights,
        codec=dataset.check_codec if codes else None,
        image=getattr(dataset.library, "image", None),
        priors=priors if uses_priors else [],
        counted_from=counted if codes else None,
        positions=dataset.tokens if codes else None,
        denoisers=denoisers,
        length=dataset.numbers,
        noise=dataset.noise if codes else None,
        bounds=dataset.bounds,
        strength=dataset.strength if codes else None,
        presets=presets,
    )


def preset_of(dataset: "Dataset", row: str) -> Preset | DiffusionPreset:
    """What separates as the method of a row does."""
    if row in dataset.diffusion_methods:
        return DiffusionPreset(diffusion=dataset.diffusion_methods[row])
    method = dataset.separation.methods[row]
    return Preset(decoder=dataset.separation.decoders[method.decoder], estimation=method.estimation)
