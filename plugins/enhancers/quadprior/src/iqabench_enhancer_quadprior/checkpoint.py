"""QuadPrior's official files: the U-Net of Stable Diffusion, the control network, the autoencoder, an embedding."""

from __future__ import annotations

import io
import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from iqabench.diffusion import ldm
from iqabench.diffusion.folder import own_keys
from iqabench.errors import KeysMismatch, UnsafeWeights, WeightsError
from iqabench.weights.safe import read_checkpoint, strip_prefix, unwrap
from iqabench_enhancer_quadprior import BASE, CONTROL, EMBEDDING, VAE
from iqabench_enhancer_quadprior.config import Config
from iqabench_enhancer_quadprior.network import QuadPrior

PRIOR = "prior_conv."
TRAINING = "_forward_module."
CONTROL_PREFIX = "control_model."
VAE_PREFIX = "my_vae."
ADDED = re.compile(r"\.new_(merge|last_procee)\.")


def load_network(
    config: Config,
    weights: Mapping[str, Path],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> QuadPrior:
    """The network with the official weights; the prior stays in float32. Raises KeysMismatch, other WeightsErrors."""
    network = QuadPrior(config)
    to: dict[str, Any] = {"dtype": dtype, "device": device}
    _fill_base(network, weights[BASE], to)
    _fill_control(network, weights[CONTROL], to)
    state = unwrap(read_checkpoint(weights[VAE]), "state_dict")
    ldm.fill(network.vae, state, ldm.vae_sources, weights[VAE], prefix=VAE_PREFIX, **to)
    network.context = read_context(weights[EMBEDDING], tuple(network.context.shape)).to(device, dtype)
    return network


def _fill_base(network: QuadPrior, path: Path, to: Mapping[str, Any]) -> None:
    """The U-Net, from the official file or another of Stable Diffusion 1.5.

    That file's own control network and autoencoder, and its text encoder, are replaced, and so not read.
    """
    state = unwrap(read_checkpoint(path), "state_dict")
    replaced = {
        *ldm.official_keys(network.control, ldm.unet_sources, CONTROL_PREFIX),
        *(key for key in ldm.official_keys(network.vae, ldm.vae_sources, ldm.VAE) if not ADDED.search(key)),
    }
    rest = [key for key in state if key not in replaced and not key.startswith(ldm.TEXT)]
    ldm.check_parts(rest, (ldm.UNET,), path)
    ldm.fill(network.unet, state, ldm.unet_sources, path, prefix=ldm.UNET, **to)


def _fill_control(network: QuadPrior, path: Path, to: Mapping[str, Any]) -> None:
    """The control network and the prior, from what training saves; the rest of that is not read."""
    state = strip_prefix(unwrap(read_checkpoint(path), "state_dict"), TRAINING)
    ldm.check_parts(state, (CONTROL_PREFIX, ldm.UNET, ldm.VAE, ldm.TEXT), path)
    ldm.fill(network.control, state, ldm.unet_sources, path, prefix=CONTROL_PREFIX, ignored=(f"{PRIOR}*",), **to)
    ldm.fill(network.prior, state, own_keys, path, prefix=CONTROL_PREFIX + PRIOR, device=to["device"])


def read_context(path: Path, shape: tuple[int, ...]) -> Tensor:
    """The embedding, from the official pickle or from any file that holds one tensor, by a name or none."""
    try:
        with path.open("rb") as stream:
            bare = stream.read(1) == b"\x80"  # a pickle outside an archive
        found = _read_pickled(path) if bare else read_checkpoint(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    if isinstance(found, Mapping) and len(found) == 1:
        (found,) = found.values()
    if not isinstance(found, Tensor):
        raise WeightsError(f"{path} holds {type(found).__name__}, not the embedding of the empty prompt.")
    if found.shape != shape:
        raise KeysMismatch(str(path), reshaped=["the embedding"])
    return found.detach()


def _read_pickled(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            return _TensorReader(stream, path).load()
    except UnsafeWeights:
        raise
    except Exception as error:  # a damaged pickle raises anything
        raise WeightsError(f"{path} is no pickled tensor that can be read, or is damaged: {error}.") from error


class _TensorReader(pickle.Unpickler):
    """Reads a tensor that was pickled by itself, and refuses whatever else a pickle may name."""

    def __init__(self, stream: io.BufferedReader, path: Path) -> None:
        super().__init__(stream)
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        known = {
            "torch._utils._rebuild_tensor_v2": torch._utils._rebuild_tensor_v2,
            "torch.storage._load_from_bytes": _read_storage,
            "collections.OrderedDict": OrderedDict,
        }
        return known.get(f"{module}.{name}") or self._refuse(f"{module}.{name}")

    def _refuse(self, wanted: str) -> NoReturn:
        raise UnsafeWeights(
            f"{self.path} wants to run {wanted} when loaded, so it was not loaded.",
            hint="Use the official empty_embedding.pkl, or a .safetensors file that holds this tensor.",
        )


def _read_storage(content: bytes) -> Any:
    """In the place of torch's own, which would unpickle freely."""
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
