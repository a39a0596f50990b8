"""Where networks run, in which precision, and how much memory there is."""

import logging
from pathlib import Path

import pytest
import torch

from lass.compute.devices import (
    choose_device,
    choose_precision,
    memory_for,
    multiplies_bfloat16,
    processor_flags,
)
from lass.settings import Chosen, Precision

CPU = torch.device("cpu")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=found: found)
        assert choose_device("cpu").type == "cpu"
        assert choose_device("auto").type == ("cuda" if found else "cpu")
    with pytest.raises(ValueError, match="torch sees no GPU: use cpu or auto"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="device 'gpu': choose auto, cpu or cuda"):
        choose_device("gpu")


def test_memory_is_what_the_job_has_beside_its_process() -> None:
    cpu = torch.device("cpu")
    assert memory_for(cpu, 8000) == 5_000_000_000
    with pytest.raises(ValueError, match="mem_mb = 3000: a job needs more than 3000 MB"):
        memory_for(cpu, 3000)


# --- precision ---


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx avx2 f16c fma", False),
        ("avx2 avx512f avx512bw avx512_vnni", False),  # widens bfloat16, but multiplies float32
        ("avx2 avx512f avx512_bf16", True),
        ("avx2 avx512f amx_bf16 amx_tile amx_int8", True),
        ("fp asimd sve bf16 i8mm", True),  # ARM
        ("fp asimd sve", False),
        ("", False),
    ],
)
def test_processors_that_multiply_bfloat16(flags: str, expected: bool) -> None:
    assert multiplies_bfloat16(flags.split(), {}) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, False),
        ({"ONEDNN_MAX_CPU_ISA": "avx512_core_vnni"}, False),
        ({"DNNL_MAX_CPU_ISA": "AVX512_CORE"}, False),
        (
            {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "DNNL_MAX_CPU_ISA": "AVX2"},
            True,
        ),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, True),
        ({"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, True),
        ({"ONEDNN_MAX_CPU_ISA": ""}, True),
        ({"ATEN_CPU_CAPABILITY": "avx2"}, False),
        ({"ATEN_CPU_CAPABILITY": "default"}, False),
        ({"ATEN_CPU_CAPABILITY": "avx512"}, True),
    ],
)
def test_an_environment_that_limits_the_instructions(environment: dict[str, str], expected: bool) -> None:
    assert multiplies_bfloat16(["avx512_bf16", "amx_bf16"], environment) == expected


def test_flags_are_those_of_every_core(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: avx2 avx512_bf16\nvmx flags\t: vnmi\n")
    assert processor_flags(path) == {"avx2", "avx512_bf16"}
    path.write_text("Features\t: fp bf16\nCPU part\t: 0xd4f\n\nFeatures\t: fp\n")
    assert processor_flags(path) == {"fp"}
    path.write_text("no such line\n")
    assert processor_flags(path) == processor_flags(tmp_path / "absent") == frozenset()


@pytest.mark.parametrize(
    ("wanted", "native", "chosen"),
    [
        ("auto", True, "bfloat16"),
        ("auto", False, "float32"),
        ("float32", True, "float32"),
        ("bfloat16", False, "bfloat16"),
    ],
)
def test_auto_follows_the_processor_and_is_logged(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wanted: Precision,
    native: bool,
    chosen: Chosen,
) -> None:
    flags = frozenset({"avx512_bf16"}) if native else frozenset[str]()
    monkeypatch.setattr("lass.compute.devices.processor_flags", lambda: flags)
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"):
        monkeypatch.delenv(name, raising=False)
    caplog.set_level(logging.INFO, logger="lass")
    assert choose_precision(wanted, CPU) == chosen
    assert caplog.messages == [f"precision {chosen} (configured: {wanted}), device CPU"]
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert choose_precision(wanted, CPU) == ("float32" if wanted == "auto" else chosen)


@pytest.mark.parametrize(
    ("capability", "chosen"),
    [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")],
)
def test_auto_follows_the_gpu(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], chosen: Chosen
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    monkeypatch.setattr("lass.compute.devices.processor_flags", lambda: 1 / 0)  # nobody asks the processor
    assert choose_precision("auto", torch.device("cuda")) == chosen


def test_a_precision_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="precision 'float16': choose one of auto, float32, bfloat16"):
        choose_precision("float16", CPU)  # type: ignore[arg-type]
