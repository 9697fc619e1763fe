"""The pictures of a footprint, as PNG, SVG and PDF."""

from pathlib import Path

from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.pictures.export import export
from imc_grapes.pictures.footprint.energy import energy_picture
from imc_grapes.pictures.footprint.networks import networks_picture
from imc_grapes.pictures.footprint.scaling import scaling_picture
from imc_grapes.pictures.footprint.state_bits import state_bits_picture
from imc_grapes.pictures.footprint.storage import storage_picture
from imc_grapes.pictures.footprint.wear import wear_picture


def draw_footprint(footprint: Footprint, folder: Path) -> list[Path]:
    """Draw them into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = (
        state_bits_picture(footprint),
        energy_picture(footprint),
        scaling_picture(footprint),
        networks_picture(footprint),
        storage_picture(footprint),
        wear_picture(footprint),
    )
    return [file for picture in pictures for file in export(picture, folder)]
