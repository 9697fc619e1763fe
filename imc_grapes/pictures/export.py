"""Pictures as files: PNG, SVG and PDF."""

from pathlib import Path

import vl_convert

from imc_grapes.pictures.picture import Picture

_PIXELS_PER_POINT = 2.0


def export(picture: Picture, directory: Path) -> list[Path]:
    """Write the picture into `directory` in each format; it is drawn once, the others are made from the SVG."""
    svg = vl_convert.vegalite_to_svg(picture.spec)
    contents = {
        "png": vl_convert.svg_to_png(svg, scale=_PIXELS_PER_POINT),
        "svg": svg.encode(),
        "pdf": vl_convert.svg_to_pdf(svg),
    }
    paths = []
    for ending, content in contents.items():
        path = directory / f"{picture.name}.{ending}"
        path.write_bytes(content)
        paths.append(path)
    return paths
