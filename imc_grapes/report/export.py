"""Pictures as files: PNG, SVG and PDF."""

from pathlib import Path

import vl_convert

from imc_grapes.report.charts.picture import Picture

_PIXELS_PER_POINT = 2.0


def export(picture: Picture, directory: Path) -> list[Path]:
    """Write the picture into `directory` in each format."""
    contents: dict[str, bytes | str] = {
        "png": vl_convert.vegalite_to_png(picture.spec, scale=_PIXELS_PER_POINT),
        "svg": vl_convert.vegalite_to_svg(picture.spec),
        "pdf": vl_convert.vegalite_to_pdf(picture.spec),
    }
    paths = []
    for ending, content in contents.items():
        path = directory / f"{picture.name}.{ending}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    return paths
