"""The scripts that draw Vega-Lite pictures in a browser."""

import vl_convert


def javascript_libraries() -> str:
    """Vega-Embed with the Vega and Vega-Lite it needs, as one script, from the copy inside vl-convert."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
