"""Where commands write: results on standard output, everything else on standard error."""

from rich.console import Console

output = Console()
errors = Console(stderr=True)
