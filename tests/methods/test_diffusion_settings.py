"""Settings of diffusion priors: what is refused, and what a row looks like."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from lass.methods.diffusion_settings import (
    Ancestral,
    DiffusionMethod,
    Langevin,
    Levels,
    Losses,
    Ode,
    Proximal,
)


def test_settings_need_no_heavy_library() -> None:
    code = (
        "import sys, lass.methods.diffusion_settings;"
        "found = {'torch', 'numpy', 'scipy'} & set(sys.modules);"
        "sys.exit(str(sorted(found)) if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("solver", "kind"),
    [
        ({"kind": "ode", "steps": 50}, Ode),
        ({"kind": "ancestral"}, Ancestral),
        ({"kind": "proximal", "steps": 50}, Proximal),
        ({"kind": "langevin"}, Langevin),
    ],
)
def test_a_solver_is_told_by_its_kind(solver: dict[str, object], kind: type) -> None:
    method = DiffusionMethod.model_validate({"solver": solver})
    assert type(method.solver) is kind
    assert DiffusionMethod.model_validate(method.model_dump(mode="json")) == method


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ValidationError, match=r"lowest is 2\.0, but the levels begin at 1\.0"):
        Levels(steps=5, highest=1.0, lowest=2.0)
    with pytest.raises(ValidationError, match=r"lowest is 4\.0, but the levels begin at 3\.0: lower it"):
        Langevin(kind="langevin", lowest=4.0)
    with pytest.raises(ValidationError, match="give one of them a weight"):
        Losses(wave=0, pieces=0, spectrum=0)
    with pytest.raises(ValidationError, match="greater than or equal to 25"):
        Ancestral(kind="ancestral", steps=20)
    with pytest.raises(ValidationError, match="guidance"):
        Ode.model_validate({"kind": "ode", "steps": 5, "guidance": "hybrid"})
    with pytest.raises(
        ValidationError, match="noise is 'shared', of which guidance 'symmetric' keeps nothing"
    ):
        Ode(kind="ode", steps=5, guidance="symmetric")


def test_published_strengths() -> None:
    assert Ancestral(kind="ancestral").factor == Ancestral(kind="ancestral", guidance="dsg").factor == 0.09
    assert Ancestral(kind="ancestral", guidance="dps").factor == 1.5
    assert Ancestral(kind="ancestral", strength=0.2).factor == 0.2
