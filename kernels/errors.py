"""The one exception that means "the user's input is wrong": the command line turns it into exit status 2."""

import difflib
from collections.abc import Iterable

_ALIKE = 0.61
_NEARLY_AS_ALIKE = 0.1
_MOST = 3


class InputError(ValueError):
    """A value that the user gave cannot be used; the message names it and says what would be allowed."""


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """``; did you mean sgd?`` for the end of a message, or nothing where none of the `known` names is close."""
    alike = {
        name: difflib.SequenceMatcher(None, name, str(given)).ratio()
        for name in dict.fromkeys(known)
    }
    least = max(_ALIKE, max(alike.values(), default=0.0) - _NEARLY_AS_ALIKE)
    near = sorted((name for name in alike if alike[name] >= least), key=lambda name: -alike[name])
    return f"; did you mean {' or '.join(near[:_MOST])}?" if near else ""
