"""A data set of images: MNIST, or pictures from a folder."""

from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lass.config.dataset import Dataset
from lass.config.fid import Fid, check_fid, expanded
from lass.config.location import known_reader
from lass.config.registry import IMAGE_READERS
from lass.config.separation import ImageCounting
from lass.data.images.names import files_of_split, find_idx
from lass.data.settings import (
    PICTURE_SUFFIXES,
    Augmentation,
    ImageLibrarySettings,
    ImageMixtures,
    Mixing,
    MixtureDraw,
    TupleGroup,
)
from lass.evaluation.settings import PictureSettings, PsnrSettings
from lass.likelihood.settings import LARGEST_FRAMES
from lass.methods.settings import AnyJob, CeilingJob, ClassNmfJob, OracleJob
from lass.models.diffusion_settings import DenoiserCheck
from lass.models.settings import ClassNmf, CodecCheck, CodecSettings
from lass.settings import PositiveInt, key


class ImageDataset(Dataset):
    """Images: mixtures of images of any class."""

    main: ClassVar[str] = "psnr"
    kind: Literal["images"] = key("images, mixtures of which are means of several", "images")
    source: Annotated[
        str,
        AfterValidator(partial(known_reader, readers=IMAGE_READERS)),
        Field(json_schema_extra={"enum": [*IMAGE_READERS]}),
    ] = key(
        "`mnist` reads MNIST's four files in `root`, with or without .gz, or downloads them where root "
        "is null; "
        "`folder` reads root/{train,validation,test}/{class}/*.png, or without the folders of classes where "
        "there is one class",
        ", ".join(IMAGE_READERS),
    )
    mirrors: list[str] = key(
        "of `mnist`: addresses below which MNIST's files are, tried in order", "URLs", default_factory=list
    )
    colours: Literal[1, 3] = key("1 for grey, 3 for red, green and blue", "channels")
    size: PositiveInt = key(
        "rows and columns of an image, a multiple of the hop; pictures are resized and cropped to it",
        "pixels",
    )
    augmentation: Augmentation | None = key(
        "altered copies of training images; null for none", "section", default=None
    )
    mixtures: ImageMixtures = key("which mixtures are separated", "section")
    codec: CodecSettings = key("the codec", "section")
    likelihood: ImageCounting = key("the likelihood of counts", "section")
    nmf: ClassNmf | None = key(
        "dictionaries of the row `nmf`, where a table names it", "section", default=None
    )

    fid: Fid = key("the Frechet distance of estimates", "section", default_factory=Fid)
    pictures: PositiveInt = key("mixtures in `results/{dataset}_separations.png`", "mixtures", default=8)

    @model_validator(mode="after")
    def check_source(self) -> Self:
        """Images that can be found and have the shape that their source gives them."""
        if self.source != "mnist" and not self.root:
            raise ValueError(
                f"source is {self.source!r}, so root must name a folder with train, validation and test"
            )
        if self.source == "mnist" and not self.root and not self.mirrors:
            raise ValueError("root and mirrors are empty: name a folder with MNIST's files or a mirror")
        if self.source == "mnist" and self.held_out is None:
            raise ValueError("source is 'mnist', so held_out must say how many images are for validation")
        if self.source == "mnist" and (len(self.classes) != 10 or self.image != (1, 28, 28)):
            raise ValueError(
                f"source is 'mnist', which needs 10 classes, colours 1 and size 28, not "
                f"{len(self.classes)}, {self.colours} and {self.size}"
            )
        return self

    @model_validator(mode="after")
    def check_sizes(self) -> Self:
        """Parts must fit together."""
        if self.size % self.codec.hop:
            raise ValueError(
                f"size {self.size} must be a multiple of {self.codec.hop}, the product of codec.strides"
            )
        if None in (self.mixtures.count.validation, self.mixtures.count.test):
            raise ValueError("mixtures.count of images is an endless list: give numbers, not null")
        for name, decoder in self.separation.decoders.items():
            if decoder.likelihood == "frames":
                self.check_frames(f"separation.decoders.{name}.likelihood is 'frames'")
            if "network" in decoder.measured:
                raise ValueError(
                    f"separation.decoders.{name} asks for the learned likelihood, which is for audio: use "
                    "'counts' or 'frames'"
                )
        for name, method in self.separation.methods.items():
            if method.consistency == "residual" or method.mask is not None:
                raise ValueError(
                    f"separation.methods.{name}: consistency 'residual' and mask are for audio: use "
                    "'equal' and null"
                )
        for name, table in self.tables.items():
            if "nmf" in table.rows and self.nmf is None:
                raise ValueError(f"tables.{name} names nmf, so the section nmf is needed")
        check_fid(self.fid, families=self.family, tables=self.tables)
        if "nmf" in (self.fid.rows or ()) and self.nmf is None:
            raise ValueError("fid.rows names nmf, so the section nmf is needed")
        return self

    def check_frames(self, where: str) -> None:
        """Two sources and few enough numbers for a decoder whose likelihood is that of frames."""
        if self.sources != 2:
            raise ValueError(f"{where}, which is for 2 sources, not for {self.sources}: use 'counts'")
        pixels = self.colours * self.codec.hop**2
        numbers = self.codec.codes**2 * pixels**2
        if numbers > LARGEST_FRAMES:
            raise ValueError(
                f"{where}, which takes {numbers} numbers for {self.codec.codes} codes of {pixels} "
                "pixels, more "
                f"than {LARGEST_FRAMES}: use 'counts'"
            )

    @property
    def shifts(self) -> None:
        """Images are not shifted."""

    @property
    def reader(self) -> str:
        """The module that reads the files."""
        return IMAGE_READERS[self.source]

    @property
    def image(self) -> tuple[int, int, int]:
        """Colours, rows and columns."""
        return self.colours, self.size, self.size

    @property
    def source_classes(self) -> list[str]:
        """The sources of a mixture have no fixed class: all classes."""
        return self.classes

    @property
    def sources(self) -> int:
        """N: images of a mixture."""
        return self.mixtures.sources

    @property
    def weights_given(self) -> list[float] | None:
        """Alpha as configured."""
        return self.mixtures.weights

    @property
    def symmetric(self) -> bool:
        """The images of a mixture have no order."""
        return True

    @property
    def tokens(self) -> int:
        """S: tokens of an image."""
        return (self.size // self.codec.hop) ** 2

    @property
    def check_codec(self) -> CodecCheck:
        """What a codec has to agree on."""
        return CodecCheck(hop=self.codec.hop)

    @property
    def denoiser_check(self) -> DenoiserCheck:
        """What a denoiser has to agree on."""
        return DenoiserCheck(image=self.image)

    @property
    def library(self) -> ImageLibrarySettings:
        """What every reader of the sources has to know."""
        return ImageLibrarySettings(image=self.image, classes=tuple(self.classes))

    @property
    def named(self) -> set[str]:
        """As of every kind, and rows that are compared as sets."""
        return super().named | set(self.fid.rows or ())

    @property
    def fid_rows(self) -> list[str]:
        """Methods whose estimates are compared as sets."""
        return self.fid.rows or self.tables[self.main].rows

    @property
    def fid_files(self) -> dict[str, str | None]:
        """Files of the user that the comparison reads; None for those that are made or fetched here."""
        return {"statistics": expanded(self.fid.statistics), "weights": expanded(self.fid.weights)}

    @property
    def metric(self) -> PsnrSettings:
        """How estimates are scored."""
        return PsnrSettings()

    @property
    def medium(self) -> PictureSettings:
        """What the sources are to eyes."""
        return PictureSettings(image=self.image)

    @property
    def noise(self) -> float:
        """What the likelihood of frames adds to their spread."""
        return self.likelihood.noise

    @property
    def bounds(self) -> tuple[float, float]:
        """Black and white."""
        return (0.0, 1.0)

    def altered(self, split: str) -> Augmentation | None:
        """How copies of training images are altered; those of other splits have none."""
        return self.augmentation if split == "train" else None

    @property
    def altered_examples(self) -> Augmentation | None:
        """The same without the number of copies, which trains no other codec."""
        return self.augmentation and self.augmentation.model_copy(update={"copies": 0})

    @property
    def splits_to_evaluate(self) -> list[str]:
        """Splits on which the priors are measured: also the one whose mixtures are scored."""
        return ["validation", "test"]

    def places(self, split: str) -> tuple[str, ...]:
        """Where the images of a split are, relative to the root."""
        if self.source == "mnist":
            root = Path(self.checked_root)
            paths = (find_idx(root, name) for name in files_of_split(split))
            return tuple(path.relative_to(root).as_posix() for path in paths)
        held = self.folder_of(split)
        alone = len(self.classes) == 1 and not self.files
        if alone and not Path(self.checked_root, held, *self.classes).is_dir():
            return (held,)
        return self.folders_of_classes(held)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of files that count."""
        return PICTURE_SUFFIXES

    def held_out_of(self, split: str) -> int | None:
        """Of MNIST always; of folders, where there is none for validation."""
        return self.held_out if self.source == "mnist" and split != "test" else super().held_out_of(split)

    @property
    def numbers(self) -> int:
        """T: numbers of an image."""
        return self.colours * self.size**2

    @property
    def mixing(self) -> Mixing:
        """What is mixed: images of any class."""
        return Mixing(weights=tuple(self.weights))

    def drawing(self, split: str, *, seed: int) -> MixtureDraw:
        """Which mixtures of a split are drawn."""
        return MixtureDraw(mixing=self.mixing, count=getattr(self.mixtures.count, split), seed=seed)

    @property
    def group(self) -> TupleGroup:
        """How the tuples that are counted are grouped."""
        return TupleGroup(mixtures=self.likelihood.mixtures_per_group)

    def method_job(self, method: str, *, seed: int) -> AnyJob:
        """What a method is told, whatever its family."""
        family = self.family[method]
        if family == "latent":
            return self.latent_job(method)
        if family == "diffusion":
            return self.diffusion_job(method, seed=seed, bounds=self.bounds)
        if family == "class_nmf":
            assert self.nmf is not None, "as check_sizes demands"
            pixels = self.colours * self.size**2
            return ClassNmfJob(classes=self.classes, pixels=pixels, iterations=self.nmf.iterations)
        if family == "ceiling":
            return CeilingJob(codec=self.check_codec)
        return OracleJob(name=method, rate=None)
