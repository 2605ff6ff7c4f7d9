"""Clothed people of the synthetic data: placing, drawing, and which keypoints are seen."""
from dataclasses import dataclass, replace
from typing import Dict, List, Tuple

import cv2
import numpy as np

from .scene import CIRCLE, SKIN, Scene, capsules
from .skeleton import FORWARD, Points, rotation, sample_pose

# limb: from, to, radius at either end in units of the height, what covers it
LIMBS: Dict[str, Tuple[str, str, float, float, str]] = {
    'neck': ('neck', 'head', 0.034, 0.034, 'skin'),
    'pelvis': ('left_hip', 'right_hip', 0.058, 0.058, 'trousers'),
}
for _side in ('left_', 'right_'):
    LIMBS.update({
        _side + 'thigh': (_side + 'hip', _side + 'knee', 0.060, 0.042, 'trousers'),
        _side + 'shin': (_side + 'knee', _side + 'ankle', 0.041, 0.027, 'shins'),
        _side + 'foot': (_side + 'heel', _side + 'toe', 0.026, 0.021, 'shoes'),
        _side + 'upper_arm': (_side + 'shoulder', _side + 'elbow', 0.040, 0.031, 'sleeves'),
        _side + 'forearm': (_side + 'elbow', _side + 'wrist', 0.030, 0.021, 'forearms'),
        _side + 'palm': (_side + 'wrist', _side + 'hand', 0.022, 0.017, 'skin')})
PARTS = {name: i for i, name in enumerate([*LIMBS, 'torso', 'head'])}
KEYPOINTS = ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
             'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee',
             'left_ankle', 'right_ankle')
# A keypoint is seen where the uppermost thing at its place is one of these parts of the same person.
_SHOWN_BY = {'shoulder': ('upper_arm', 'torso'), 'elbow': ('upper_arm', 'forearm'), 'wrist': ('forearm', 'palm'),
             'hip': ('thigh', 'pelvis', 'torso'), 'knee': ('thigh', 'shin'), 'ankle': ('shin', 'foot')}
SHOWS = np.zeros((len(KEYPOINTS), len(PARTS) + 1), dtype=bool)  # the last column: something else
for _row, _name in enumerate(KEYPOINTS):
    _side, _, _joint = _name.rpartition('_')
    for _part in _SHOWN_BY.get(_joint, ('head',)):
        SHOWS[_row, PARTS[_part if _part in PARTS else f'{_side}_{_part}']] = True
HAIR = np.array([(25, 22, 20), (35, 42, 60), (45, 66, 100), (80, 130, 180), (120, 180, 215), (50, 70, 150),
                 (150, 150, 155)], dtype=float)
# points on the unit sphere up to 66 degrees around FORWARD: the part of the head that a face or a hat covers
CAP = np.array([(np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), -np.cos(t))
                for t in np.radians([22, 44, 66]) for p in np.arange(12) * np.pi / 6])
TO_FACE, TO_HAT = rotation(x=22), rotation(x=-65)  # from FORWARD to the middle of the face, of the hat


@dataclass
class Person:
    """A body in the image: its points in pixels, their depth, its turns, and its sizes in pixels."""

    points: Points
    depth: Dict[str, float]
    turns: Dict[str, np.ndarray]
    head_radius: float
    scale: float

    @property
    def xy(self) -> np.ndarray:
        """All points: (P, 2)."""
        return np.array(list(self.points.values()))

    @property
    def keypoints(self) -> np.ndarray:
        """COCO's keypoints: (17, 2)."""
        return np.array([self.points[name] for name in KEYPOINTS])

    @property
    def extent(self) -> np.ndarray:
        """The upper left and lower right corner around all points: (2, 2)."""
        xy = self.xy
        return np.stack([xy.min(axis=0), xy.max(axis=0)])

    def moved(self, offset: np.ndarray) -> 'Person':
        """The same body elsewhere in the image."""
        return replace(self, points={name: xy + offset for name, xy in self.points.items()})

    def faces_camera(self, name: str) -> bool:
        """Whether a point of the head is on its near side."""
        return self.depth[name] < self.depth['head'] + 0.15 * self.head_radius / self.scale


def sample_person(rng: np.random.Generator, scale: float, variety: float) -> Person:
    """Sample a body of ``scale`` pixels standing, and project it, weakly in perspective, around the origin."""
    points, turns, radius = sample_pose(rng, variety)
    xyz = np.array(list(points.values()))
    xy = xyz[:, :2] * (scale / (1 + rng.uniform(0, 0.5) * xyz[:, 2:]))
    return Person(dict(zip(points, xy)), dict(zip(points, xyz[:, 2].tolist())), turns, radius * scale, scale)


def draw_person(scene: Scene, person: Person, first_part: int) -> None:
    """Draw a person in random clothes, far parts first; the parts are numbered from ``first_part``."""
    wear = _clothes(scene)
    names = list(LIMBS)
    start = np.array([person.points[LIMBS[n][0]] for n in names])
    end = np.array([person.points[LIMBS[n][1]] for n in names])
    radius_start, radius_end = (person.scale * wear['girth'] * np.array([LIMBS[n][i] for n in names]) for i in (2, 3))
    outlines = capsules(start, end, radius_start, radius_end)
    lit = np.array([-0.3, -0.2]) * radius_end[:, None]
    highlights = capsules(start + lit, end + lit, 0.62 * radius_start, 0.62 * radius_end)

    depth = {n: 0.5 * (person.depth[LIMBS[n][0]] + person.depth[LIMBS[n][1]]) for n in names}
    depth['torso'] = 0.5 * (depth['pelvis'] + person.depth['neck']) - 0.03
    depth['head'] = person.depth['head'] - 0.05
    depth['neck'] = max(depth['torso'], depth['head']) + 0.01
    depth['pelvis'] += 0.02
    for name in sorted(depth, key=lambda part: depth[part], reverse=True):
        part = first_part + PARTS[name]
        if name == 'torso':
            _draw_torso(scene, person, wear, part)
        elif name == 'head':
            _draw_head(scene, person, wear, part)
        else:
            i, cover = names.index(name), LIMBS[name][4]
            scene.polygon(outlines[i], 0.72 * wear[cover], part)
            scene.polygon(highlights[i], 1.06 * wear[cover])
            if cover in wear['striped']:
                _draw_rings(scene, start[i], end[i], radius_start[i], radius_end[i], wear)


def _clothes(scene: Scene) -> dict:
    rng = scene.rng
    skin, shirt, trousers = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.85, 1.1), scene.colour(), scene.colour()
    if rng.random() < 0.25:  # hardly different from what is around
        around = scene.image.mean(axis=(0, 1))
        shirt, trousers = around + 14 * rng.standard_normal((2, 3))
    if rng.random() < 0.15:
        trousers = shirt
    sleeves = ('long', 'short', 'none')[rng.integers(3)]
    rings, girth = rng.integers(3, 7), rng.uniform(0.82, 1.25)
    striped = ((), (), (), ('shirt', 'sleeves'), ('shirt', 'sleeves', 'trousers'))[rng.integers(5)]
    return {'skin': skin, 'shirt': shirt, 'trousers': trousers, 'shins': skin if rng.random() < 0.3 else trousers,
            'sleeves': skin if sleeves == 'none' else shirt, 'forearms': shirt if sleeves == 'long' else skin,
            'shoes': scene.colour(), 'hair': HAIR[rng.integers(len(HAIR))] * rng.uniform(0.8, 1.2),
            'long_hair': rng.random() < 0.35, 'hat': scene.colour() if rng.random() < 0.2 else None,
            'stripe': scene.colour(), 'striped': striped, 'rings': rings, 'girth': girth, 'zip': rng.random() < 0.5}


def _draw_rings(scene: Scene, start: np.ndarray, end: np.ndarray, radius_start: float, radius_end: float,
                wear: dict) -> None:
    t = np.linspace(0.15, 0.9, wear['rings'])[:, None]
    along = end - start
    across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-6)
    reach = 0.8 * ((1 - t) * radius_start + t * radius_end) * across
    scene.lines(start + t * along - reach, start + t * along + reach, wear['stripe'], 0.35 * radius_end)


def _draw_torso(scene: Scene, person: Person, wear: dict, part: int) -> None:
    p, r = person.points, 0.05 * person.scale * wear['girth']
    corners = np.array([p['left_shoulder'], p['right_shoulder'], p['right_hip'], p['left_hip']])
    inner = 0.85 * corners + 0.15 * corners[[1, 0, 3, 2]]
    hull = _hull((inner[:, None] + CIRCLE * r).reshape(-1, 2))
    middle = hull.mean(axis=0)
    scene.polygon(hull, 0.8 * wear['shirt'], part)
    scene.polygon(middle + 0.8 * (hull - middle) - 0.1 * r, 1.04 * wear['shirt'])
    if 'shirt' in wear['striped']:
        t = np.linspace(0, 1, wear['rings'])[:, None]
        scene.lines(corners[0] + t * (corners[3] - corners[0]), corners[1] + t * (corners[2] - corners[1]),
                    wear['stripe'], 0.3 * r)
    if (person.turns['torso'] @ FORWARD)[2] < 0:  # the front is seen
        if wear['zip']:
            scene.lines(p['chest'][None], p['belly'][None], 0.45 * wear['shirt'], 0.25 * r)
        scene.lines(p['chest'][None], p['neck'][None], wear['skin'], 0.7 * r)


def _draw_head(scene: Scene, person: Person, wear: dict, part: int) -> None:
    p, r, turn = person.points, person.head_radius, person.turns['head']
    ball = p['head'] + CIRCLE * (r, 1.15 * r)
    if wear['long_hair']:
        scene.polygon(_hull(np.concatenate([ball, p['nape'] + 0.75 * r * CIRCLE])), 0.7 * wear['hair'], part)
    scene.polygon(ball, wear['hair'], part)
    for ear in ('left_ear', 'right_ear'):
        if person.faces_camera(ear):
            scene.polygon(p[ear] + 0.2 * r * CIRCLE, 0.85 * wear['skin'], part)
    _draw_cap(scene, p['head'], r, turn @ TO_FACE, wear['skin'], part)
    if wear['hat'] is not None:
        _draw_cap(scene, p['head'], 1.1 * r, turn @ TO_HAT, wear['hat'], part)
    if person.faces_camera('nose'):
        smile = 0.3 * (p['left_eye'] - p['right_eye'])
        scene.lines(p['nose'][None], 0.5 * (p['left_eye'] + p['right_eye'])[None], 0.75 * wear['skin'], 0.2 * r)
        scene.lines((p['mouth'] - smile)[None], (p['mouth'] + smile)[None], 0.5 * wear['skin'] + (10, 10, 60), 0.15 * r)
    for eye in ('left_eye', 'right_eye'):
        if person.faces_camera(eye):
            scene.polygon(p[eye] + 0.17 * r * CIRCLE, np.full(3, 225.))
            scene.polygon(p[eye] + 0.13 * r * CIRCLE, np.full(3, 25.))


def _draw_cap(scene: Scene, centre: np.ndarray, radius: float, turn: np.ndarray, colour: np.ndarray, part: int) -> None:
    points = CAP @ turn.T
    points = points[points[:, 2] < 0.1, :2]
    if len(points) > 2:
        scene.polygon(_hull(centre + radius * points * (1.02, 1.15)), colour, part)


def _hull(points: np.ndarray) -> np.ndarray:
    return cv2.convexHull(points.astype(np.float32))[:, 0]


def inside_image(xy: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Which points (M, 2) lie in an image of (width, height): (M,), bool."""
    return ((xy >= 0) & (xy <= np.array(size) - 1)).all(axis=1)


def keypoint_flags(scene: Scene, person: Person, first_part: int) -> List[int]:
    """COCO's flag of every keypoint: 0 outside the image, 1 hidden behind something, 2 seen."""
    xy = person.keypoints
    inside = inside_image(xy, (scene.width, scene.height))
    column, row = (inside[:, None] * xy).round().astype(int).T
    part = scene.parts[row, column].astype(int) - first_part
    seen = SHOWS[np.arange(len(KEYPOINTS)), np.where((part >= 0) & (part < len(PARTS)), part, len(PARTS))]
    seen[:5] &= [person.faces_camera(name) for name in KEYPOINTS[:5]]
    return (inside * (1 + seen)).tolist()
