"""Separate recordings and images with a model: `Separator.load("slakh-mini").separate(audio, rate)`.

Recordings of any length, rate and number of channels go through the model's windows block by block; nothing
is held whole but what is given and returned whole.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lass.bundle.finding import DEFAULT, find_model
from lass.bundle.opening import OpenModel, open_bundle
from lass.bundle.presets import OpenPreset
from lass.bundle.recordings import Kept, separate_recording
from lass.bundle.settings import Description, PresetName
from lass.compute.devices import choose_device, choose_precision
from lass.data.audio.streams import (
    WHOLE,
    Excerpt,
    Survey,
    blocks_of,
    finite,
    opened_blocks,
    opened_writers,
    survey,
    survey_array,
)
from lass.settings import Precision

MEMORY = {"audio": 3 * 2**29, "images": 3 * 2**30}  # bytes that decoding may take beside the model

MANY = 16  # channels; more of them than there are samples is an array the wrong way round

Progress = Callable[[float, float], None]
"""Told how many seconds of a recording are done, and of how many."""


@dataclass(frozen=True, eq=False)
class Separation:
    """What a mixture was taken apart into."""

    sources: Mapping[str, np.ndarray]  # of the mixture's shape, float32
    rate: int | None  # Hz; None for images
    codes: np.ndarray  # [windows, N, S] int64 of the most probable candidate of each; -1 in silent windows
    log_posterior: np.ndarray  # [windows] float64, up to a constant of each; NaN in silent windows
    # Presets by diffusion find no codes: S is 0, and log_posterior is NaN.

    def __getitem__(self, source: str) -> np.ndarray:
        """The source of this name; KeyError, with the names that there are, for another one."""
        if source not in self.sources:
            raise KeyError(f"no source {source!r}: choose one of {', '.join(self.sources)}")
        return self.sources[source]


@dataclass(frozen=True, eq=False)
class Separator:
    """A model that is ready to separate."""

    model: OpenModel

    @classmethod
    def load(
        cls, model: str | Path = DEFAULT, *, device: str = "auto", precision: Precision = "auto"
    ) -> "Separator":
        """Open the model of this name, or in this folder.

        Args:
            model: `slakh-mini` (drums and bass), `mnist` (two digits), the name of a model in the user's
                cache, or a folder that `lass pack` made.
            device: `auto` (a GPU where there is one), `cpu` or `cuda`.
            precision: of the networks; `auto` takes bfloat16 where the hardware multiplies it natively.

        Raises:
            FileNotFoundError, ValueError: there is no such model, or a part of it is missing, damaged or of
                another codebook; or there is no such device.

        Example:
            >>> import lass, numpy
            >>> separator = lass.Separator.load("slakh-mini")
            >>> separator.sources
            ['drums', 'bass']
            >>> song = numpy.zeros((2, 44100), dtype="float32")  # a second of stereo
            >>> separator.separate(song, 44100)["drums"].shape
            (2, 44100)
        """
        where = choose_device(device)
        return cls(open_bundle(find_model(model), device=where, precision=choose_precision(precision, where)))

    @property
    def description(self) -> Description:
        """What the model says of itself."""
        return self.model.description

    @property
    def sources(self) -> list[str]:
        """Names of the sources that it gives."""
        return list(self.description.sources)

    @property
    def rate(self) -> int | None:
        """Hz at which it works; None for images."""
        return self.description.rate

    def separate(
        self,
        mixture: np.ndarray,
        rate: int | None = None,
        *,
        preset: PresetName = "best",
        classes: list[str] | None = None,
        seed: int = 0,
    ) -> Separation:
        """Take a mixture apart.

        Args:
            mixture: audio [T] or [channels, T], full scale at 1; or, for a model of images, an image [H, W]
                or [C, H, W] of numbers in [0, 1] (or of bytes), or several of them [B, C, H, W].
            rate: of the audio, in Hz.
            preset: `best`, `paper` (the published procedure) or `fast`, as far as the model has them.
            classes: the class of each source, where a model of images has a prior of its own for each.
            seed: decides every random draw.

        Returns:
            Sources of the mixture's shape. Of audio, each is as loud as it is in the mixture: they add up to
            it. Of images, each is as it was before it was mixed: `description.weights` times them do.

        Raises:
            ValueError: audio without a rate, an image of another size, NaN or infinity, an unknown preset.
        """
        if self.description.kind == "images":
            return self._separate_images(mixture, self._preset(preset, classes, seed))
        if rate is None or not 0 < rate < np.inf:
            raise ValueError(f"rate {rate}: give the rate of the audio in Hz")
        audio = np.asarray(mixture, dtype=np.float32)
        if audio.ndim not in (1, 2) or audio.size == 0:
            raise ValueError(f"audio of shape {audio.shape}: give [T] or [channels, T], T > 0")
        channels = audio[None] if audio.ndim == 1 else audio
        if len(channels) > max(MANY, channels.shape[1]):
            raise ValueError(
                f"audio of shape {audio.shape} has {len(channels)} channels of {channels.shape[1]} samples: "
                "give [channels, T], which is the other way round than soundfile's"
            )
        kept = Kept()
        parts = self._recording(
            blocks_of(channels), survey_array(channels, rate), self._preset(preset, classes, seed), kept
        )
        whole = np.concatenate(list(parts), axis=2)  # [N, C, T]
        sources = {
            name: one[0] if audio.ndim == 1 else one for name, one in zip(self.sources, whole, strict=True)
        }
        return Separation(sources, rate, np.concatenate(kept.codes), np.concatenate(kept.log_posterior))

    def separate_stream(
        self,
        blocks: Iterable[np.ndarray],
        surveyed: Survey,
        *,
        preset: PresetName = "best",
        seed: int = 0,
    ) -> Iterator[np.ndarray]:
        """Sources [N, channels, n] of audio that comes in `blocks` [channels, n], as soon as they are final.

        They are as loud as in the mixture. `surveyed` says of all blocks together what
        `lass.data.audio.streams.survey` says of a file. Blocks of other types than float32 are converted;
        the caller may use their memory again. ValueError for NaN, infinity, or another number of channels.
        """
        own = finite("the audio", _own(blocks, surveyed.channels))
        return self._recording(own, surveyed, self._preset(preset, None, seed), None)

    def separate_file(
        self,
        path: str | Path,
        outputs: Mapping[str, str | Path],
        *,
        preset: PresetName = "best",
        excerpt: Excerpt = WHOLE,
        seed: int = 0,
        progress: Progress | None = None,
        comment: str = "",
    ) -> "Written":
        """Separate the recording at `path`; write every source to its path in `outputs`, .wav or .flac.

        The files have the recording's rate, channels and length, and the `comment`. They appear together,
        once all are whole.

        Errors as of `lass.data.audio.streams.opened_blocks` and `opened_writers`; ValueError for a model of
        images, and for outputs that lack a source, are one file twice, the recording itself or a folder.
        """
        path, names = Path(path), self._outputs(outputs)
        for one in names:
            if one.exists() and path.exists() and one.samefile(path):
                raise ValueError(f"{one} is the recording itself: choose another --out")
        opened, surveyed = self._preset(preset, None, seed), survey(path, excerpt)
        done = 0
        with (
            opened_blocks(path, excerpt) as (_, blocks),
            opened_writers(
                names,
                rate=surveyed.rate,
                channels=surveyed.channels,
                frames=surveyed.frames,
                comment=comment,
            ) as writers,
        ):
            for parts in self._recording(blocks, surveyed, opened, None):
                writers.write(parts)
                done += parts.shape[2]
                if progress:
                    progress(done / surveyed.rate, surveyed.frames / surveyed.rate)
        return Written(surveyed, writers.clipped)

    def _outputs(self, outputs: Mapping[str, str | Path]) -> list[Path]:
        """Where each of the sources is written to, checked before anything is separated."""
        lacking = [name for name in self.sources if name not in outputs]
        if lacking:
            raise ValueError(f"no output for {', '.join(lacking)}: give a path for each of {self.sources}")
        names = [Path(outputs[name]) for name in self.sources]
        if len({one.absolute() for one in names}) < len(names):
            raise ValueError(f"outputs {[str(one) for one in names]}: give each source a file of its own")
        for one in names:
            if one.is_dir():
                raise ValueError(f"{one} is a folder: give the path of a file")
        return names

    def _preset(self, name: PresetName, classes: list[str] | None, seed: int) -> OpenPreset:
        known = self.description.of_class
        if classes is not None and self.description.kind == "audio":
            raise ValueError(f"classes {classes}: a model of audio knows which source is of which class")
        of_sources = known if classes is None else classes
        if len(of_sources) != len(known) or not set(of_sources) <= set(self.description.classes):
            raise ValueError(f"classes {of_sources}: give {len(known)} of {self.description.classes}")
        return self.model.preset(name, classes=of_sources, seed=seed, memory=MEMORY[self.description.kind])

    def _recording(
        self, blocks: Iterable[np.ndarray], surveyed: Survey, opened: OpenPreset, kept: Kept | None
    ) -> Iterator[np.ndarray]:
        if self.rate is None:
            raise ValueError(f"{self.description.about.name} is a model of images: give one of audio")
        return separate_recording(blocks, surveyed, opened=opened, kept=kept)

    def _separate_images(self, mixture: np.ndarray, opened: OpenPreset) -> Separation:
        given = np.asarray(mixture)
        scale = 255.0 if given.dtype == np.uint8 else 1.0
        shape = self.description.image
        assert shape is not None, "of a model of images"
        if given.shape not in (shape, shape[1:] if shape[0] == 1 else shape) and given.shape[1:] != shape:
            raise ValueError(f"an image of shape {given.shape}: this model separates images of {shape}")
        if given.size == 0:
            raise ValueError(f"images of shape {given.shape}: give at least one")
        rows = (given.astype(np.float32) / scale).reshape(-1, self.description.length)
        if not np.isfinite(rows).all() or rows.min() < 0 or rows.max() > 1:
            raise ValueError(f"numbers from {rows.min()} to {rows.max()}: an image has numbers from 0 to 1")
        made = opened.separate(rows, list(range(len(rows))))
        sources = {
            name: made.estimates[:, index].reshape(given.shape) for index, name in enumerate(self.sources)
        }
        return Separation(sources, None, made.codes, made.log_posterior)


@dataclass(frozen=True)
class Written:
    """What became of a file."""

    surveyed: Survey
    clipped: int  # samples beyond full scale that a .flac could not hold


def _own(blocks: Iterable[np.ndarray], channels: int) -> Iterator[np.ndarray]:
    """Blocks [channels, n] float32 of our own memory; ValueError for another number of channels."""
    for block in blocks:
        if block.ndim != 2 or len(block) != channels:
            raise ValueError(f"a block of shape {block.shape}: give [channels, n] with {channels} channels")
        yield np.array(block, dtype=np.float32)
