"""Penn Treebank."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imc_grapes.data.base import DATA, DataConfig, Files
from imc_grapes.data.metric import PERPLEXITY, Metric
from imc_grapes.data.words import Words, read_words


@DATA.register("ptb", label="Penn Treebank")
class WordsConfig(DataConfig):
    """Penn Treebank, word level, with the published parts for training, validation and test."""

    gives: ClassVar[Literal["images", "chords", "words"]] = "words"
    metric: ClassVar[Metric] = PERPLEXITY
    files = Files(
        (("PTB", {part: f"ptb.{part}.txt" for part in ("train", "valid", "test")}),),
        "http://www.fit.vutbr.cz/~imikolov/rnnlm/ (simple-examples.tgz)",
    )

    batch_size: int = Field(20, ge=1)
    """Streams that the text is cut into, side by side in a batch."""
    window: int = Field(35, ge=1)
    """Truncated-BPTT window, time steps."""
    train_samples: int | None = Field(None, ge=1)
    """Train on only that many words; null: all 929,589."""
    test_samples: int | None = Field(None, ge=1)
    """Test on only that many words; null: all 82,430."""

    def read(self, data_dir: Path | None) -> tuple[Words, Words, Words]:
        """Training, validation and test text."""
        return read_words(data_dir, self.window)
