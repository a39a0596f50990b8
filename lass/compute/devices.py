"""Where networks run, in which precision, and how much memory there is for them."""

import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from lass.settings import Chosen, Precision

logger = logging.getLogger(__name__)

PROCESS = 3_000_000_000  # bytes that a process needs beside what it is given to decode in
GPU_SHARE = 0.8  # of a GPU's free memory
AMPERE = (8, 0)  # compute capability of the first GPUs that multiply bfloat16
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86, and of ARM
ISA_WITHOUT_BFLOAT16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"}
"""Values of ONEDNN_MAX_CPU_ISA that leave no instruction which multiplies bfloat16."""


def choose_device(name: str) -> torch.device:
    """The device for `auto` (a GPU where there is one), `cpu` or `cuda`.

    ValueError for another name, and for a GPU that is not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' is asked for, but torch sees no GPU: use cpu or auto")
    torch.backends.cudnn.allow_tf32 = False  # or a GPU gives other codes than those that were counted
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on `device`; a GPU that is still at work is not waited for."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def name_of(device: torch.device) -> str:
    """`CPU`, or the name of a GPU."""
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else "CPU"


def choose_precision(wanted: Precision, device: torch.device) -> Chosen:
    """The precision of matrix products on `device`, which is logged: as wanted, or, with `auto`, by hardware.

    `auto` is bfloat16 where the hardware says that it multiplies it natively, and float32 elsewhere: emulated
    products of bfloat16 are many times slower. Nothing is timed, so one machine always chooses alike.
    ValueError for a precision that does not exist.
    """
    if wanted not in get_args(Precision):
        raise ValueError(f"precision {wanted!r}: choose one of {', '.join(get_args(Precision))}")
    chosen: Chosen
    if wanted != "auto":
        chosen = wanted
    elif device.type == "cuda":
        chosen = "bfloat16" if torch.cuda.get_device_capability(device) >= AMPERE else "float32"
    else:
        chosen = "bfloat16" if multiplies_bfloat16(processor_flags(), os.environ) else "float32"
    logger.info("precision %s (configured: %s), device %s", chosen, wanted, name_of(device))
    return chosen


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What all cores can do, as Linux reports it (`flags` of x86, `Features` of ARM); elsewhere nothing."""
    if not path.is_file():
        return frozenset()
    lines = [line.partition(":") for line in path.read_text(encoding="utf-8").splitlines()]
    cores = [frozenset(value.split()) for name, _, value in lines if name.strip() in ("flags", "Features")]
    return frozenset.intersection(*cores) if cores else frozenset()


def multiplies_bfloat16(flags: Collection[str], environment: Mapping[str, str]) -> bool:
    """Whether a processor with these flags multiplies bfloat16, and may, by the variables of `environment`.

    oneDNN takes ONEDNN_MAX_CPU_ISA before its old name and in any case; PyTorch takes ATEN_CPU_CAPABILITY.
    """
    highest = environment.get("ONEDNN_MAX_CPU_ISA") or environment.get("DNNL_MAX_CPU_ISA") or ""
    limited = highest.upper() in ISA_WITHOUT_BFLOAT16
    limited = limited or environment.get("ATEN_CPU_CAPABILITY") in ("default", "avx2")
    return not limited and not BFLOAT16_FLAGS.isdisjoint(flags)


def memory_for(device: torch.device, mem_mb: int) -> int:
    """Bytes that decoding may take in a job with `mem_mb` megabytes, or on the GPU that it has.

    Ask once the model is loaded: what it takes of a GPU is then no longer free.
    ValueError for a job in which nothing is left of its memory beside the process itself.
    """
    if device.type == "cuda":
        return int(GPU_SHARE * torch.cuda.mem_get_info(device)[0])
    memory = mem_mb * 10**6 - PROCESS
    if memory <= 0:
        raise ValueError(f"mem_mb = {mem_mb}: a job needs more than {PROCESS // 10**6} MB")
    return memory
