"""A few mixtures with their sources and every method's estimates, as files to listen to or to look at."""

from pathlib import Path

from lass.evaluation.separations import Medium, Separations


def export_examples(separations: Separations, *, medium: Medium, folder: Path) -> None:
    """Write every mixture, its true sources and all estimates of them to files of their own in `folder`.

    Names are the number of the mixture and `mixture`, `<class>_true` or `<class>_<method>`; classes that
    repeat within a mixture are numbered. Equal separations give equal bytes.
    """
    for place, (item, names) in enumerate(zip(separations.items, separations.names, strict=True)):
        parts = {"mixture": separations.mixtures[place]}
        parts |= {f"{name}_true": part for name, part in zip(names, separations.sources[place], strict=True)}
        for method, estimates in separations.estimates.items():
            parts |= {f"{name}_{method}": part for name, part in zip(names, estimates[place], strict=True)}
        medium.export({f"{item:05d}_{name}": part for name, part in parts.items()}, folder=folder)
