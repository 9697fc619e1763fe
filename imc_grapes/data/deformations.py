"""``data.augmentation:`` how far training images are turned, moved, slanted, stretched and bent."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from device_models.parameters import Parameters

Degrees = Annotated[float, Field(ge=0.0, le=90.0)]


class AugmentationConfig(Parameters):
    """Every training image is deformed at random each time it is shown; each key is the largest deformation of its
    kind, drawn uniformly up to it in both directions, and 0 leaves it out. Images for testing stay as they are."""

    rotation_deg: Degrees = 0.0
    """Rotation about the centre, degrees."""
    shift: float = Field(0.0, ge=0.0, lt=1.0)
    """Shift along each axis, as a share of the image's side."""
    shear_deg: float = Field(0.0, ge=0.0, lt=90.0)
    """Shear: angle by which vertical lines are slanted, degrees."""
    zoom: float = Field(0.0, ge=0.0, lt=1.0)
    """Zoom: share by which the image grows or shrinks; 0.1 is 0.9 to 1.1 times its size."""
    elastic: float = Field(0.0, ge=0.0)
    """Elastic deformation: root mean square of the pixels' displacement along each axis, in pixels, by a random field
    that is smooth over 1/7 of the image's side (4 pixels of 28: Simard et al., ICDAR 2003)."""

    @model_validator(mode="after")
    def _deforms(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError(
                "deforms nothing: set one of rotation_deg, shift, shear_deg, zoom, elastic, or leave it out"
            )
        return self
