"""Every picture that a run has the data for."""

from pathlib import Path

import torch
from torch import Tensor

from imc_grapes.costs.wear import device_pulses
from imc_grapes.data.chorales import Chorales
from imc_grapes.experiment.assemble import programmable
from imc_grapes.experiment.restore import FinishedRun, restore
from imc_grapes.objectives.evaluation_mode import evaluation_mode
from imc_grapes.pictures.export import export
from imc_grapes.pictures.picture import Picture
from imc_grapes.pictures.run.generation import compose
from imc_grapes.pictures.run.midi import write_midi
from imc_grapes.pictures.run.piano_roll import piano_roll_picture
from imc_grapes.pictures.run.raster import raster_picture
from imc_grapes.pictures.run.score_over_time import score_over_time_picture
from imc_grapes.pictures.run.wear import wear_picture
from imc_grapes.seeding import generator, stream_seed
from imc_grapes.spiking import SNU, sSNU
from kernels.errors import InputError

PRIMER_STEPS = 16
"""Time steps of a real chorale that the network hears before it goes on by itself."""
COMPOSED_STEPS = 96
_SHOWN_AT_S = 25.0
"""Time since programming at which a network that was programmed into devices is shown."""


def draw_run(path: Path, out_dir: Path, data_dir: Path | None = None) -> list[Path]:
    """Draw the pictures of the finished run in the folder `path` into `out_dir`.

    A network on devices is shown as it computes with them: as trained in place, or 25 s after programming.

    Returns:
        The files: every picture as PNG, SVG and PDF; of a network for music, a MIDI file too.

    Raises:
        InputError: the folder holds no finished run, or one of which there is nothing to draw.
    """
    run = restore(path, data_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    programmed = programmable(run.trainer.model, run.config.hardware, run.config.evaluation)
    if programmed is not None:
        programmed.program(stream_seed(run.config.seed, "programming"))
        programmed.read(_SHOWN_AT_S)
    pictures: list[Picture] = []
    files: list[Path] = []
    if run.summary.drift:
        pictures.append(score_over_time_picture(run.summary))
    pulses = device_pulses(run.trainer.model)
    if pulses is not None and run.summary.wear is not None:
        pictures.append(wear_picture(pulses, run.summary.wear))
    with evaluation_mode(run.trainer.model):
        if _shows_potentials(run):
            pictures.append(raster_picture(run.trainer.model, _one_input(run)))
        if run.config.data.gives == "chords":
            picture, file = _music(run, out_dir)
            pictures.append(picture)
            files.append(file)
    if not pictures:
        raise InputError(
            f"{path}: there is nothing to draw of a network of kind '{run.config.network.kind}' that does not drift"
        )
    for picture in pictures:
        files += export(picture, out_dir)
    return files


def _shows_potentials(run: FinishedRun) -> bool:
    """Whether there are units with a membrane potential, and what enters them can be drawn."""
    has_units = any(isinstance(module, SNU | sSNU) for module in run.trainer.model.modules())
    return has_units and run.config.data.gives != "words"


def _one_input(run: FinishedRun) -> Tensor:
    """The first test sample, as the network takes it."""
    test = run.trainer.dataset.test
    if isinstance(test, Chorales):
        return test.rolls[0].unsqueeze(1)
    images: Tensor = next(test.first(1).batches(1, order=None)).images
    return images


def _music(run: FinishedRun, out_dir: Path) -> tuple[Picture, Path]:
    test = run.trainer.dataset.test
    assert isinstance(test, Chorales)
    chorale = test.rolls[0]
    log_odds, _ = run.trainer.model(chorale[:-1].unsqueeze(1))
    random = generator(run.config.seed, "composition")
    composed = compose(run.trainer.model, chorale[:PRIMER_STEPS], COMPOSED_STEPS, random)
    file = out_dir / "composed.mid"
    write_midi(composed, file)
    predicted = torch.cat((torch.zeros(1, chorale.shape[1]), log_odds.squeeze(1).sigmoid()))
    return piano_roll_picture(chorale, predicted, composed, PRIMER_STEPS), file
