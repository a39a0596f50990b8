"""From settings to what scores, draws and exports separations: the one place that knows every kind."""

from lass.evaluation.figures.pictures import Pictures
from lass.evaluation.figures.spectrograms import Sounds
from lass.evaluation.separations import Medium
from lass.evaluation.settings import (
    MediumSettings,
    MetricSettings,
    PictureSettings,
    PsnrSettings,
    SdrSettings,
    SoundSettings,
)
from lass.evaluation.tables.psnr import Psnr
from lass.evaluation.tables.scores import Metric
from lass.evaluation.tables.sdr import Sdr


def open_metric(settings: MetricSettings) -> Metric:
    """The metric that `settings` describe."""
    match settings:
        case SdrSettings():
            return Sdr(rate=settings.rate, window=settings.window)
        case PsnrSettings():
            return Psnr()


def open_medium(settings: MediumSettings) -> Medium:
    """What draws and exports sources of the kind that `settings` describe."""
    match settings:
        case SoundSettings():
            return Sounds(rate=settings.rate)
        case PictureSettings():
            return Pictures(image=settings.image)
