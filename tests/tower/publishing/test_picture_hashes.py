from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tower.publishing.picture_hashes import MAX_SAME_BITS, count_different_bits, hash_picture

Picture = NDArray[np.uint8]


def draw(seed: int, side: int = 256) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 7), np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def differ(one: Picture, other: Picture) -> int:
    return int(count_different_bits([hash_picture(one)], [hash_picture(other)])[0, 0])


@pytest.mark.parametrize("seed", range(5))
def test_compression_and_scaling_hardly_change_a_hash(seed: int) -> None:
    picture = draw(seed)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    compressed = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
    smaller = np.asarray(cv2.resize(picture, (100, 90), interpolation=cv2.INTER_AREA), np.uint8)
    brighter = np.clip(picture.astype(np.int16) + 20, 0, 255).astype(np.uint8)
    assert max(differ(picture, compressed), differ(picture, smaller), differ(picture, brighter)) <= MAX_SAME_BITS


def test_different_pictures_differ_in_many_bits() -> None:
    hashes = [hash_picture(draw(seed)) for seed in range(40)]
    bits = count_different_bits(hashes, hashes)
    others = bits[~np.eye(len(hashes), dtype=bool)]
    assert others.min() > MAX_SAME_BITS


def test_a_picture_of_one_colour_has_no_hash_and_is_like_nothing() -> None:
    black = np.zeros((64, 64), np.uint8)
    assert hash_picture(black) is None
    assert count_different_bits([None], [None])[0, 0] == 64


def test_a_hash_is_a_signed_integer_of_64_bits() -> None:
    assert all(-(2**63) <= (hash_picture(draw(seed)) or 0) < 2**63 for seed in range(20))
