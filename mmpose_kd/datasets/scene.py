"""The canvas of the synthetic data: shapes, background, clutter, light and noise."""
from typing import Optional, Tuple

import cv2
import numpy as np

BOX = np.array([(-1., -1.), (1., -1.), (1., 1.), (-1., 1.)])
CIRCLE = np.stack([np.cos(np.arange(12) * np.pi / 6), np.sin(np.arange(12) * np.pi / 6)], axis=1)
ARC = np.radians(np.arange(-90, 91, 30))
SKIN = np.array([(201, 217, 245), (170, 195, 236), (140, 172, 222), (110, 145, 200), (85, 118, 172), (60, 88, 138),
                 (45, 66, 105), (32, 46, 76)], dtype=float)  # BGR, as all colours here


def capsules(start: np.ndarray, end: np.ndarray, radius_start: np.ndarray, radius_end: np.ndarray) -> np.ndarray:
    """Outlines of tapered limbs with round ends: (M, 2), (M, 2), (M,), (M,) to (M, 14, 2)."""
    along = end - start
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None] + ARC
    tip = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.concatenate([end[:, None] + radius_end[:, None, None] * tip,
                           start[:, None] - radius_start[:, None, None] * tip], axis=1)


class Scene:
    """An image being drawn, and for every pixel the number of the part that lies uppermost.

    Args:
        size (tuple): Width and height in pixels.
        rng (np.random.Generator): The source of randomness.
    """

    def __init__(self, size: Tuple[int, int], rng: np.random.Generator) -> None:
        self.width, self.height = size
        self.rng = rng
        self.image = np.zeros((self.height, self.width, 3), dtype=np.uint8)
        self.parts = np.zeros((self.height, self.width), dtype=np.uint8)

    def colour(self) -> np.ndarray:
        """A random colour: some grey, some pale, some strong."""
        spread = (8, 30, 70)[self.rng.integers(3)]
        return (self.rng.uniform(15, 240) + spread * self.rng.standard_normal(3)).clip(0, 255)

    def polygon(self, corners: np.ndarray, colour: np.ndarray, part: Optional[int] = None) -> None:
        """Fill a convex polygon (M, 2); ``part`` marks its pixels, None leaves the marks as they are."""
        corners = (16 * corners).astype(np.int32)
        cv2.fillConvexPoly(self.image, corners, colour.tolist(), cv2.LINE_AA, 4)
        if part is not None:
            cv2.fillConvexPoly(self.parts, corners, part, cv2.LINE_8, 4)

    def lines(self, start: np.ndarray, end: np.ndarray, colour: np.ndarray, width: float) -> None:
        """Draw line segments from ``start`` to ``end``, each (M, 2)."""
        ends = (16 * np.stack([start, end], axis=1)).astype(np.int32)
        cv2.polylines(self.image, list(ends), False, colour.tolist(), max(1, round(width)), cv2.LINE_AA, 4)

    def background(self, clutter: float) -> None:
        """Draw soft patches of light, perhaps a floor, and on average ``12 * clutter`` things."""
        rng, size = self.rng, np.array([self.width, self.height])
        coarse = rng.integers(2, 8, 2)
        patches = self.colour() + rng.uniform(5, 45) * rng.standard_normal((coarse[0], coarse[1], 3))
        self.image = cv2.resize(np.clip(patches, 0, 255).astype(np.uint8), (self.width, self.height),
                                interpolation=cv2.INTER_CUBIC)
        if rng.random() < 0.6:
            left, right = self.height * (rng.uniform(0.45, 0.95) + rng.normal(0, 0.04, 2))
            self.polygon(np.array([(0, left), (self.width, right), size, (0, self.height)]), self.colour())
        for _ in range(rng.poisson(12 * clutter)):
            self.thing(rng.random(2) * size, rng.uniform(0.05, 0.3) * size.min())

    def thing(self, centre: np.ndarray, size: float, part: Optional[int] = None) -> None:
        """Draw one thing of about ``size`` pixels: a box, a disc, a pole, or two strokes that look like a limb."""
        rng, kind, colour = self.rng, self.rng.random(), self.colour()
        turn = rng.uniform(-np.pi, np.pi) if rng.random() < 0.4 else rng.normal(0, 0.05)
        axes = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
        if kind < 0.35:
            box = centre + BOX * (size * rng.uniform(0.3, 1, 2)) @ axes
            self.polygon(box, colour, part)
            if rng.random() < 0.5:
                t = np.linspace(0.1, 0.9, rng.integers(3, 7))[:, None]
                self.lines(box[0] + t * (box[3] - box[0]), box[1] + t * (box[2] - box[1]), self.colour(), size / 12)
        elif kind < 0.5:
            self.polygon(centre + CIRCLE * size * rng.uniform(0.3, 0.9, 2), colour, part)
        elif kind < 0.7:
            self.polygon(centre + BOX * (size * rng.uniform(0.05, 0.2), 3 * size) @ axes, colour, part)
        else:
            if rng.random() < 0.5:
                colour = SKIN[rng.integers(len(SKIN))]
            ends = centre + np.cumsum(0.6 * size * rng.standard_normal((3, 2)), axis=0)
            radius = np.full(2, size * rng.uniform(0.1, 0.22))
            for shade, width in ((0.75, 1.), (1., 0.62)):
                for outline in capsules(ends[:2], ends[1:], width * radius, width * radius):
                    self.polygon(outline, shade * colour, part)

    def finish(self) -> np.ndarray:
        """Blur, light, contrast and noise; returns the image (H, W, 3), uint8."""
        rng, image = self.rng, self.image
        if rng.random() < 0.4:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3) * self.height / 128)
        contrast = rng.uniform(0.4, 1.15)
        light = contrast * rng.uniform(0.7, 1.2, (2, 2, 1)) * rng.uniform(0.9, 1.1, 3)
        light = cv2.resize(light.astype(np.float32), (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        noise = np.frombuffer(rng.bytes(image.size), dtype=np.int8).reshape(image.shape)
        veil = max(0., 1 - contrast) * rng.uniform(40, 160)
        image = cv2.add(cv2.multiply(image, light, dtype=cv2.CV_32F),
                        cv2.multiply(noise, np.ones(1), scale=rng.uniform(0.01, 0.16), dtype=cv2.CV_32F))
        return cv2.convertScaleAbs(np.maximum(image + np.float32(veil), 0))
