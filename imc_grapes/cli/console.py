"""Where commands write: results on standard output, everything else on standard error.

Names and paths are the user's, so neither rich's markup (``[red]``) nor its emoji codes (``:x:``) are read in text.
"""

from rich.console import Console

output = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)
