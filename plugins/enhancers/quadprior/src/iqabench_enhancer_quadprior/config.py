"""The networks' sizes: those of Stable Diffusion 1.5, as ``config.json`` in this package gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from iqabench.diffusion.architecture import UNetConfig, VaeConfig
from iqabench.errors import WeightsError
from iqabench.weights.config import read_json

PACKAGED = Path(__file__).with_name("config.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The U-Net's, which the control network copies, and the autoencoder's."""

    unet: UNetConfig
    vae: VaeConfig

    @classmethod
    def read(cls, path: Path = PACKAGED) -> Config:
        """The configuration in a file. Raises WeightsError where it is none of these networks."""
        given = read_json(path)
        try:
            return cls(unet=UNetConfig.read(given["unet"]), vae=VaeConfig.read(given["vae"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path} is not a configuration of these networks: {error}.") from error
