"""An activation in ONNX, run by onnxruntime: the packages are installed to a folder of their own."""

import os
import subprocess
import sys

import pytest
from copies import ROOT

EXPORT_AND_RUN = """
import numpy as np
import onnxruntime
import torch

from preactivations.activations.gaussian import GaussianActivation

ends = [0.0, 12.0, -12.0, 1e-30, 1e30, np.inf, -np.inf, np.nan]
x = np.concatenate([np.linspace(-40, 40, 40_001), 2.0 ** np.arange(-120, 120), ends])
for weights in ("weibull_4", "spherical_1"):
    for kind in ("odd", "positive"):
        act = GaussianActivation(weights, kind)
        for dtype in (torch.float32, torch.float64):
            example = torch.ones(3, 4, dtype=dtype)
            dynamic = ({0: torch.export.Dim("rows"), 1: torch.export.Dim("columns")},)
            program = torch.onnx.export(act, (example,), dynamo=True, dynamic_shapes=dynamic)
            session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
            rows = torch.tensor(x, dtype=dtype)[None]
            (found,) = session.run(None, {session.get_inputs()[0].name: rows.numpy()})
            rtol, atol = (1e-5, 1e-37) if dtype == torch.float32 else (1e-12, 1e-300)
            np.testing.assert_allclose(found, act(rows).numpy(), rtol=rtol, atol=atol)
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "requirements.lock",
         "--target", folder, "onnx", "onnxscript", "onnxruntime"],
        check=True,
    )  # fmt: skip
    return folder


def test_exported_activations_have_the_same_values(packages):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(packages)])}
    subprocess.run([sys.executable, "-c", EXPORT_AND_RUN], check=True, env=environment)
