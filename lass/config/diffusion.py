"""The section of a data set about separation by diffusion priors: denoisers, and the rows that use them."""

from abc import abstractmethod
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lass.config.location import Located
from lass.config.separation import check_chosen_priors
from lass.methods.diffusion_settings import DiffusionMethod, Langevin, Ode
from lass.methods.settings import DiffusionJob
from lass.models.diffusion_settings import DenoiserCheck, DenoiserSettings
from lass.models.settings import PriorOfClass
from lass.settings import Identifier, PositiveInt, Section, WithoutNulls, key


class Diffusion(Section):
    """Separation by diffusion priors: a denoiser for every class, and solvers that part mixtures by them."""

    denoisers: Annotated[dict[Identifier, DenoiserSettings], WithoutNulls] = key(
        "the diffusion priors, under names of your choice; those that no class has are not trained",
        "sections",
    )
    priors: Annotated[dict[Identifier, Identifier], WithoutNulls] = key(
        "name of the denoiser of each class", "name"
    )
    batch: PositiveInt = key(
        "mixtures separated at once, by networks that see 8 together: a multiple of 8 is fastest; changes "
        "speed, not the result",
        "mixtures",
        default=8,
    )
    methods: Annotated[dict[Identifier, DiffusionMethod], WithoutNulls] = key(
        "rows of the tables, under names of your choice", "sections"
    )
    examples: PositiveInt = key(
        "training sources in which deviation and mean power are measured", "sources", default=2048
    )
    unseen: Annotated[int, Field(ge=1)] = key(
        "sources for validation on which every denoiser is compared with the best linear filter, level by "
        "level of noise",
        "sources",
        default=256,
    )


class WithDiffusion(Located):
    """A data set whose sources may have diffusion priors."""

    diffusion: Diffusion | None = key(
        "diffusion priors, and rows by them that a table may name; null for none", "section", default=None
    )

    @property
    @abstractmethod
    def named(self) -> set[str]:
        """Rows that something asks for: a table, or a preset of the model."""

    @property
    def uses_diffusion(self) -> bool:
        """Whether a row by diffusion priors is asked for: else its section may be of other classes."""
        return not self.named.isdisjoint(self.diffusion_methods)

    def check_denoisers(self) -> None:
        """Every class has a denoiser that exists and models it, where a row asks for it; ValueError else."""
        if self.diffusion is not None and self.uses_diffusion:
            self._check_priors(self.diffusion)

    def _check_priors(self, diffusion: Diffusion) -> None:
        check_chosen_priors(
            diffusion.priors,
            diffusion.denoisers,
            classes=self.classes,
            section="diffusion",
            listed="diffusion.denoisers",
        )

    def check_solvers(self, sources: int) -> None:
        """Solvers that serve mixtures of `sources`; ValueError for another."""
        for name, method in self.diffusion_methods.items():
            solver, where = method.solver, f"diffusion.methods.{name}.solver"
            if isinstance(solver, Langevin) and solver.step > 2 / (sources + 1):
                raise ValueError(
                    f"{where}.step is {solver.step}, which does not settle for {sources} sources: at most "
                    f"{2 / (sources + 1):.3f}"
                )
            if isinstance(solver, Ode) and (solver.constrained or 0) >= sources:
                raise ValueError(
                    f"{where}.constrained is {solver.constrained}, but there are {sources} sources: at most "
                    f"{sources - 1}, or null"
                )

    def check_trained_denoisers(self, *, pretrained: bool) -> None:
        """A denoiser that is trained here finds all of its classes; ValueError for another."""
        used = self.denoisers_used if self.uses_diffusion else []
        for name in used:
            assert self.diffusion is not None, "as a row uses it"
            denoiser = self.diffusion.denoisers[name]
            given = pretrained and denoiser.checkpoint
            if not given and not set(denoiser.classes) <= set(self.classes):
                raise ValueError(
                    f"diffusion.denoisers.{name}.classes {denoiser.classes} must be among the classes "
                    f"{self.classes}, where its training finds them"
                )

    @property
    def diffusion_methods(self) -> dict[str, DiffusionMethod]:
        """Row -> what it does, of those by diffusion priors."""
        return {} if self.diffusion is None else dict(self.diffusion.methods)

    @property
    def denoisers_used(self) -> list[str]:
        """Names of the denoisers that a class has, each once."""
        return [] if self.diffusion is None else list(dict.fromkeys(self.diffusion.priors.values()))

    @property
    def denoiser_of_each_class(self) -> list[PriorOfClass]:
        """The denoiser of each class, in the order of the classes; ValueError where there are none."""
        if self.diffusion is None:
            raise ValueError("there are no diffusion priors: give the section diffusion")
        self._check_priors(self.diffusion)  # which no row may have asked for
        chosen = [(source, self.diffusion.priors[source]) for source in self.classes]
        return [
            PriorOfClass(
                source=source,
                prior=name,
                classes=self.diffusion.denoisers[name].classes,
                conditional=self.diffusion.denoisers[name].conditional,
            )
            for source, name in chosen
        ]

    @property
    @abstractmethod
    def denoiser_check(self) -> DenoiserCheck:
        """What a denoiser has to agree on."""

    def check_given_denoiser(self, name: str, path: Path) -> None:
        """ValueError where the denoiser at `path` is none, or not what the section `name` says."""
        from lass.models.given import check_given_denoiser  # noqa: PLC0415 (numpy, which no dry run needs)

        assert self.diffusion is not None, "as it has the section"
        settings = self.diffusion.denoisers[name]
        check_given_denoiser(
            path, classes=settings.classes, conditional=settings.told, data=self.denoiser_check
        )

    def diffusion_job(
        self, method: str, *, seed: int, bounds: tuple[float, float] | None = None
    ) -> DiffusionJob:
        """What a row by diffusion priors is told."""
        return DiffusionJob(
            priors=self.denoiser_of_each_class,
            data=self.denoiser_check,
            method=self.diffusion_methods[method],
            bounds=bounds,
            seed=seed,
        )
