"""Where data sets are looked for: ``--data-dir``, then IMC_GRAPES_DATA, then the user's cache."""

import os
from pathlib import Path

from imc_grapes.data.base import DATA, Files
from kernels.errors import InputError

VARIABLE = "IMC_GRAPES_DATA"


def search_folders(data_dir: Path | None) -> list[Path]:
    """The folders that are searched, the first one first."""
    folders = [data_dir] if data_dir else []
    if os.environ.get(VARIABLE):
        folders.append(Path(os.environ[VARIABLE]))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [*folders, cache / "imc-grapes" / "data"]


def find_files(name: str, data_dir: Path | None) -> dict[str, Path]:
    """The files of the data set `name`, by their parts.

    Raises:
        InputError: a file is missing everywhere; the message names the files and the folders searched.
    """
    needs = _files(name)
    layouts = needs.layouts
    searched = []
    for root in search_folders(data_dir):
        for folder, files in layouts:
            for place in (root / folder / "raw", root / folder, root):
                if _belongs_to_another(place, folder):
                    continue
                searched.append(place)
                paths = {part: _existing(place / file) for part, file in files.items()}
                if all(paths.values()):
                    return {part: path for part, path in paths.items() if path}
    needed = ", or ".join(", ".join(files.values()) for _, files in layouts)
    gzipped = " (each may end in .gz)" if _is_idx(needed) else ""
    raise InputError(
        f"data set '{name}' not found. It needs the files {needed}{gzipped}.\n"
        f"Searched: {', '.join(map(str, dict.fromkeys(searched)))}.\n"
        f"Put them there, or name their folder with --data-dir or the variable {VARIABLE}. "
        f"They are published at {needs.published}."
    )


def _files(name: str) -> Files:
    files = DATA[name].files
    if files is None:
        raise InputError(f"data set '{name}' needs no files")
    return files


def _belongs_to_another(place: Path, folder: str) -> bool:
    """MNIST and Fashion-MNIST call their files alike: only the folder tells them apart."""
    layouts = [layout for one in DATA if one.value.files for layout in one.value.files.layouts]
    others = {other for other, _ in layouts} - {folder}
    return not others.isdisjoint((place.name, place.parent.name))


def found_datasets(data_dir: Path | None = None) -> dict[str, Path | None]:
    """Every data set that needs files, with the folder where it was found or None."""
    folders: dict[str, Path | None] = {}
    for name in (one.name for one in DATA if one.value.files):
        try:
            folders[name] = next(iter(find_files(name, data_dir).values())).parent
        except InputError:
            folders[name] = None
    return folders


def _existing(path: Path) -> Path | None:
    gzipped = path.with_name(path.name + ".gz")
    for candidate in (path, gzipped) if _is_idx(path.name) else (path,):
        if candidate.is_file():
            return candidate
    return None


def _is_idx(name: str) -> bool:
    return name.endswith("-ubyte")
