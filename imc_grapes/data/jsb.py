"""The JSB chorales."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imc_grapes.data.base import DATA, DataConfig, Files
from imc_grapes.data.chorales import Chorales, read_chorales
from imc_grapes.data.metric import NLL, Metric


@DATA.register("jsb", label="JSB chorales")
class ChoralesConfig(DataConfig):
    """JSB chorales, with the published parts for training, validation and test."""

    gives: ClassVar[Literal["images", "chords", "words"]] = "chords"
    metric: ClassVar[Metric] = NLL
    files = Files(
        (("JSB", {"chorales": "JSB_Chorales.mat"}),),
        "http://www-etud.iro.umontreal.ca/~boulanni/icml2012",
    )

    batch_size: int = Field(8, ge=1)
    """Chorales per weight update."""
    train_samples: int | None = Field(None, ge=1)
    """Train on only that many chorales; null: all 229."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many chorales; null: all 77."""

    def read(self, data_dir: Path | None) -> tuple[Chorales, Chorales, Chorales]:
        """Training, validation and test chorales."""
        return read_chorales(data_dir)
