"""A piano roll as a MIDI file."""

from pathlib import Path

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo
from torch import Tensor

from imc_grapes.data.chorales import LOWEST_MIDI_NOTE

TICKS_PER_STEP = 240
"""With 480 ticks per quarter note, a time step is an eighth: that is how the chorales were sampled."""
_TICKS_PER_BEAT = 480
_BEATS_PER_MINUTE = 100
_VELOCITY = 72


def write_midi(roll: Tensor, file: Path) -> None:
    """Write the piano roll ``[time, 88]`` to `file`; a note that sounds in successive steps is held."""
    midi = MidiFile(ticks_per_beat=_TICKS_PER_BEAT)
    track = MidiTrack()
    midi.tracks.append(track)
    track.append(MetaMessage("set_tempo", tempo=bpm2tempo(_BEATS_PER_MINUTE)))
    sounding: set[int] = set()
    waited = 0
    for chord in [*roll.bool().tolist(), []]:
        notes = {LOWEST_MIDI_NOTE + key for key, sounds in enumerate(chord) if sounds}
        changes = [("note_off", note) for note in sorted(sounding - notes)]
        changes += [("note_on", note) for note in sorted(notes - sounding)]
        for kind, note in changes:
            track.append(Message(kind, note=note, velocity=_VELOCITY, time=waited))
            waited = 0
        sounding = notes
        waited += TICKS_PER_STEP
    midi.save(file)
