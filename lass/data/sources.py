"""Public data sets and files: where they are, how large, by which sums they are known, under which licence.

None of it could be tried where it was written down: how each fact is known stands beside it. The
configuration reads this, so it imports neither torch nor numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Known = Literal["read", "stated", "noted", "derived", "remembered"]
"""How a fact is known.

read: in a file of a public repository; stated: in a thread, on a page or in a third repository; noted: from
the publishers' record; derived: from facts of the same kind; remembered: seen in no file, so check it.
"""
Form = Literal["tar", "zip", "folder"]
"""tar: is read while it arrives, so it is not stored; zip: is stored first; folder: the user supplies it."""

_ZENODO = (
    "https://zenodo.org/records/{record}/files/{file}?download=1",
    "https://zenodo.org/api/records/{record}/files/{file}/content",
)
_PYTORCH_FID = "https://github.com/mseitzer/pytorch-fid"


def _zenodo(record: int, file: str) -> tuple[str, ...]:
    """The addresses of a file of a record of Zenodo."""
    return tuple(form.format(record=record, file=file) for form in _ZENODO)


@dataclass(frozen=True)
class PublicFile:
    """A file that others publish. What is None is not known; `size` in bytes, sums of the file as sent."""

    name: str
    title: str
    licence: str
    addresses: tuple[str, ...] = ()  # tried in this order; none: it is not to be had without an account
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    known: Mapping[str, Known] = field(default_factory=dict)  # of each of the above
    remedy: str = "check the connection, or fetch the file by hand"


@dataclass(frozen=True)
class PublicData:
    """A data set that others publish, and how many items of it each split has."""

    file: PublicFile
    form: Form
    source: str  # which reader its layout is for: a value of `source` of a data set
    items: Mapping[str, int]
    known: Mapping[str, Known]
    note: str = ""


_BY_HAND = "fetch it by hand and name its path in addresses"
MUSDB_VALIDATION = (
    "Actions - One Minute Smile",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies",
    "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint",
    "Alexander Ross - Goodbye Bolero",
    "Fergessen - Nos Palpitants",
    "Leaf - Summerghost",
    "Skelpolu - Human Mistakes",
    "Young Griffo - Pennies",
    "ANiMAL - Rockshow",
    "James May - On The Line",
    "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
)
"""Songs of the folder `train` of MUSDB18-HQ that are for validation, as its tools name them."""
BABYSLAKH_SPLITS = {"train": range(1, 15), "validation": range(15, 17), "test": range(17, 21)}
"""Numbers of the tracks of each split: BabySlakh has no splits of its own, so these are ours."""
CELEBA_SUMS = {"list_eval_partition.txt": "d32c9cbf5e040fd4025c592c306e6668"}
"""MD5 of the files that come with CelebA's pictures and are read here."""

PUBLIC_DATA = {
    "slakh2100_redux": PublicData(
        file=PublicFile(
            name="slakh2100_flac_redux.tar.gz",
            title="Slakh2100-redux (Manilow et al., 2019): FLAC, mono, 44.1 kHz",
            licence="CC BY 4.0",
            addresses=_zenodo(4599666, "slakh2100_flac_redux.tar.gz"),
            size=104_322_767_708,
            md5="f4b71b6c45ac9b506f59788456b3f0c4",
            known={"addresses": "noted", "size": "noted", "md5": "noted", "licence": "noted"},
            remedy=_BY_HAND,
        ),
        form="tar",
        source="slakh",
        items={"train": 1289, "validation": 270, "test": 151},
        known={"items": "noted"},
        note="a folder `omitted` has 390 duplicates, which are left out",
    ),
    "babyslakh": PublicData(
        file=PublicFile(
            name="babyslakh_16k.tar.gz",
            title="BabySlakh, the first 20 songs of Slakh2100: WAV, mono, 16 kHz",
            licence="CC BY 4.0",
            addresses=_zenodo(4603870, "babyslakh_16k.tar.gz"),
            size=882_818_115,
            md5="311096dc2bde7d61c97e930edbfc7f78",
            sha256="6490dc83d8b59ccbe7e9e0304023af8e585d2065f9a5f5921952a273fac4a9b0",
            known={
                "addresses": "noted",
                "size": "noted",
                "md5": "noted",
                "sha256": "stated",
                "licence": "noted",
            },
            remedy=_BY_HAND,
        ),
        form="tar",
        source="slakh",
        items={split: len(tracks) for split, tracks in BABYSLAKH_SPLITS.items()},
        known={"items": "read"},
        note="it has no splits: here tracks 1 to 14 are `train`, 15 and 16 `validation`, 17 to 20 `test`",
    ),
    "musdb18_hq": PublicData(
        file=PublicFile(
            name="musdb18hq.zip",
            title="MUSDB18-HQ (Rafii et al., 2019): WAV, stereo, 44.1 kHz",
            licence="for education and other non-commercial use; single songs under Creative Commons NC",
            addresses=_zenodo(3338373, "musdb18hq.zip"),
            size=22_656_664_047,
            md5="12d4f2ecd55245a4688754dd76363103",
            sha256="baac80d0483c61d74b2e5f3be75fa557eec52898339e6aa45c1fa48833c5d21d",
            known={
                "addresses": "derived",  # record and file are noted; the form is that of Slakh's record
                "size": "noted",
                "md5": "noted",
                "sha256": "read",
                "licence": "remembered",
            },
            remedy=_BY_HAND,
        ),
        form="zip",
        source="stems",
        items={"train": 86, "validation": 14, "test": 50},
        known={"items": "read"},
        note="the 14 songs of validation are those that its tools name; its mixtures are not kept",
    ),
    "celeba": PublicData(
        file=PublicFile(
            name="img_align_celeba.zip",
            title="CelebA (Liu et al., 2015): aligned faces, JPEG, 178 x 218 pixels",
            licence="ask its authors: none is noted here",
            md5="00d2c5bc6d35e252742224ab0c1e8fcb",
            known={"md5": "read"},
            remedy="its home is Google Drive, which answers programs with a page about a quota: fetch it in "
            "a browser, with list_eval_partition.txt, and name the folder that holds both",
        ),
        form="folder",
        source="folder",
        items={"train": 162_770, "validation": 19_867, "test": 19_962},
        known={"items": "remembered"},
    ),
    "celeba_hq": PublicData(
        file=PublicFile(
            name="(a folder of pictures)",
            title="CelebA-HQ (Karras et al., 2018): 30,000 faces of 1024 x 1024 pixels",
            licence="ask its authors: none is noted here",
            remedy="its authors offer no pictures, only what makes them of CelebA: name a folder of them. "
            "A copy of 27,000 and 3,000 pictures that goes round has another numbering: its validation "
            "pictures may be ones that a published prior was trained on",
        ),
        form="folder",
        source="folder",
        items={"train": 25_000, "validation": 5_000},
        known={"items": "read"},
        note="the lists of the taming-transformers repository",
    ),
    "imagenet_validation": PublicData(
        file=PublicFile(
            name="ILSVRC2012_img_val.tar",
            title="ImageNet, validation pictures of ILSVRC 2012: JPEG of many sizes, in one folder",
            licence="for research and education, by an account at image-net.org; none is noted here",
            size=6_744_924_160,
            md5="29b22e2961454d5413ddabcf34fc5622",
            known={"size": "stated", "md5": "read", "licence": "remembered"},
            remedy="it needs an account: fetch it by hand, with the file of its labels from the devkit",
        ),
        form="tar",
        source="folder",
        items={"validation": 50_000},
        known={"items": "noted"},
        note="labels are numbers from 1 to 1000 in the devkit's own order, which is not that of models: "
        "those count the sorted WordNet ids from 0",
    ),
}
"""Name -> data set."""

PUBLIC_FILES = {
    "inception_fid": PublicFile(
        name="pt_inception-2015-12-05-6726825d.pth",
        title="Inception v3 as FID uses it, of the pytorch-fid repository",
        licence="Apache-2.0",
        addresses=(f"{_PYTORCH_FID}/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",),
        size=95_628_359,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        known={"addresses": "read", "size": "stated", "sha256": "stated", "licence": "read"},
        remedy="fetch it by hand and name its path in addresses; programs that compute FID keep it in "
        "~/.cache/torch/hub/checkpoints",
    ),
    "jukebox_vqvae": PublicFile(
        name="vqvae.pth.tar",
        title="VQ-VAE of Jukebox (Dhariwal et al., 2020), about 7.8 MB",
        licence="non-commercial use only",
        addresses=(
            "https://openaipublic.azureedge.net/jukebox/models/5b/vqvae.pth.tar",
            "https://openaipublic.blob.core.windows.net/jukebox/models/5b/vqvae.pth.tar",
        ),
        sha256="69745413a48e887f8a3fe91b972a6f7f434021a1ce911a99187b331eb48c059a",
        known={"addresses": "read", "sha256": "stated", "licence": "read"},
        remedy="the first address was to close in 2025; fetch the file by hand and name its path in "
        "addresses (the archive of checkpoints of the LASS authors has it, too)",
    ),
}
"""Name -> file of weights, which is made as results/weights/<file>."""

DOWNLOADS = tuple(name for name, data in PUBLIC_DATA.items() if data.file.addresses)
"""Data sets that come by themselves."""


def split_address(address: str) -> tuple[str, str | None]:
    """An address without `#sha256=...`, and that sum: of another archive than the published one.

    ValueError where what stands behind # is no such sum.
    """
    place, mark, sum_text = address.partition("#")
    if not mark:
        return address, None
    name, _, digest = sum_text.partition("=")
    if name != "sha256" or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(
            f"address {address!r}: behind # stands the sum of an archive of your own, as in "
            "#sha256= and 64 digits from 0 to 9 and a to f; the tool sha256sum tells it"
        )
    return place, digest


def own_sum(addresses: tuple[str, ...] | list[str]) -> str | None:
    """The SHA-256 that addresses give instead of the published sums; ValueError where they differ."""
    sums = {split_address(address)[1] for address in addresses}
    if len(sums) > 1:
        raise ValueError(
            f"addresses {list(addresses)} are of different files: give all the same #sha256=, or none"
        )
    return sums.pop() if sums else None
