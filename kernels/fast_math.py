"""Branch-free float32 logarithm, exponential, cosine and sine that LLVM can vectorise.

The C library's versions are calls, and one call in a loop keeps the whole loop scalar. Each
function here is a range reduction followed by a short polynomial, and is inlined into the kernel
that calls it. Errors against float64, asserted in the tests: logarithm and exponential below 2e-7
relative, cosine and sine below 2e-7 absolute.

The polynomials are minimax fits in the reduced range; the reductions are the textbook ones
(J.-M. Muller, *Elementary Functions*, 3rd ed., Birkhauser 2016, chapters 4 and 11).
"""

import numpy as np
from numba import njit

_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)
_LOG2_E = np.float32(1.44269504088896341)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_EXPONENT_MASK = np.int32(-8388608)  # 0xff800000
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)


@njit(forceinline=True)
def _float_bits(x: np.float32) -> np.uint32:
    return np.float32(x).view(np.uint32)


@njit(forceinline=True)
def _flip_sign(x: np.float32, sign_bit: np.uint32) -> np.float32:
    return np.uint32(_float_bits(x) ^ sign_bit).view(np.float32)


@njit(forceinline=True, fastmath={"contract"})
def log(x: np.float32) -> np.float32:
    """Natural logarithm of a positive, normal float32.

    Args:
        x: float32 in [1.2e-38, 3.4e38]; zero, negative and subnormal arguments are not handled.

    Returns:
        float32.
    """
    bits = np.float32(x).view(np.int32)
    # Exponent such that the mantissa lies in [sqrt(1/2), sqrt(2)), where the series is centred.
    shifted = np.int32((bits - _SQRT_HALF_BITS) & _EXPONENT_MASK)
    mantissa = np.int32(bits - shifted).view(np.float32)
    exponent = np.float32(np.int32(shifted >> np.int32(23)))
    m = mantissa - _ONE
    m2 = m * m
    p = np.float32(7.0376836292e-2)
    p = p * m + np.float32(-1.1514610310e-1)
    p = p * m + np.float32(1.1676998740e-1)
    p = p * m + np.float32(-1.2420140846e-1)
    p = p * m + np.float32(1.4249322787e-1)
    p = p * m + np.float32(-1.6668057665e-1)
    p = p * m + np.float32(2.0000714765e-1)
    p = p * m + np.float32(-2.4999993993e-1)
    p = p * m + np.float32(3.3333331174e-1)
    tail = p * m * m2 + exponent * _LN2_LOW - _HALF * m2
    return m + tail + exponent * _LN2_HIGH


@njit(forceinline=True, fastmath={"contract"})
def exp(x: np.float32) -> np.float32:
    """Exponential of a float32; it saturates where the result would not be a normal number.

    Args:
        x: float32; clamped to [-87, 88].

    Returns:
        float32.
    """
    x = min(max(np.float32(x), np.float32(-87.0)), np.float32(88.0))
    n = np.float32(np.floor(x * _LOG2_E + _HALF))
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + _ONE
    scale = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * scale


@njit(forceinline=True, fastmath={"contract"})
def cos_sin_turn(word: np.uint32) -> tuple[np.float32, np.float32]:
    """Cosine and sine of the angle `2 pi (word + 2^29) / 2^32`, for 32 uniformly distributed bits.

    The two leading bits choose the quadrant, the other 30 an angle within (-pi/4, pi/4). The fixed
    offset of an eighth of a turn does not matter for a uniform angle, and saves work.

    Args:
        word: uint32.

    Returns:
        (cosine, sine), float32.
    """
    quadrant = np.uint32(word >> np.uint32(30))
    fraction = np.int32(np.uint32(word << np.uint32(2)) ^ np.uint32(0x80000000))
    a = np.float32(fraction) * np.float32(0.78539816339744831 / 2147483648.0)
    a2 = a * a
    s = np.float32(-1.9515295891e-4)
    s = s * a2 + np.float32(8.3321608736e-3)
    s = s * a2 + np.float32(-1.6666654611e-1)
    s = s * a2 * a + a
    c = np.float32(2.443315711809948e-5)
    c = c * a2 + np.float32(-1.388731625493765e-3)
    c = c * a2 + np.float32(4.166664568298827e-2)
    c = c * a2 * a2 - _HALF * a2 + _ONE
    # Quadrants 0..3 turn (c, s) into (c, s), (-s, c), (-c, -s), (s, -c).
    odd = (quadrant & np.uint32(1)) != np.uint32(0)
    cosine = s if odd else c
    sine = c if odd else s
    negative_cosine = np.uint32(((quadrant + np.uint32(1)) & np.uint32(2)) << np.uint32(30))
    negative_sine = np.uint32((quadrant & np.uint32(2)) << np.uint32(30))
    return _flip_sign(cosine, negative_cosine), _flip_sign(sine, negative_sine)
