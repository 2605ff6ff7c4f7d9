"""Poses of an articulated body in three dimensions, for the synthetic data.

The body's own frame is the camera's where the person faces the camera upright: x to the person's left (the image's
right), y down, z away from the camera. Lengths are in units of the person's height, angles in degrees.
"""
import math
from typing import Dict, Tuple

import numpy as np

Points = Dict[str, np.ndarray]

# Ranges of the joint angles by what the person does, the usual things first. `hip` and `knee` are flexions, `spread`
# the thigh's abduction, `raise` the upper arm's angle to hanging down, `swing` its azimuth (0 sideways, 90 forwards),
# `lean` the trunk's.
ACTIONS = {
    'stand': {'hip': (-8, 12), 'knee': (0, 12), 'spread': (0, 12), 'raise': (4, 30), 'swing': (-20, 90),
              'elbow': (5, 110), 'lean': (-5, 8)},
    'walk': {'hip': (-25, 45), 'knee': (0, 65), 'spread': (0, 8), 'raise': (5, 45), 'swing': (-30, 110),
             'elbow': (10, 95), 'lean': (0, 20)},
    'reach': {'hip': (-10, 25), 'knee': (0, 30), 'spread': (0, 25), 'raise': (50, 172), 'swing': (-5, 110),
              'elbow': (0, 100), 'lean': (-8, 15)},
    'sit': {'hip': (75, 105), 'knee': (60, 110), 'spread': (0, 25), 'raise': (10, 70), 'swing': (10, 110),
            'elbow': (20, 125), 'lean': (-12, 25)},
    'crouch': {'hip': (60, 115), 'knee': (70, 130), 'spread': (0, 35), 'raise': (15, 110), 'swing': (20, 115),
               'elbow': (10, 130), 'lean': (15, 50)},
    'jump': {'hip': (-30, 110), 'knee': (0, 130), 'spread': (0, 45), 'raise': (0, 175), 'swing': (-40, 120),
             'elbow': (0, 145), 'lean': (-20, 45)},
}
# Points of the head in units of its radius.
FACE = {'nose': (0., 0.25, -1.05), 'mouth': (0., 0.65, -0.85), 'nape': (0., 0.7, 0.75), 'left_eye': (0.4, 0., -0.9),
        'right_eye': (-0.4, 0., -0.9), 'left_ear': (0.98, 0.1, 0.05), 'right_ear': (-0.98, 0.1, 0.05)}
DOWN = np.array([0., 1., 0.])
FORWARD = np.array([0., 0., -1.])


def rotation(x: float = 0., y: float = 0., z: float = 0.) -> np.ndarray:
    """The rotation about x, then y, then z, by angles in degrees: (3, 3)."""
    x, y, z = math.radians(x), math.radians(y), math.radians(z)
    cx, cy, cz, sx, sy, sz = math.cos(x), math.cos(y), math.cos(z), math.sin(x), math.sin(y), math.sin(z)
    return np.array([[cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
                     [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
                     [-sy, cy * sx, cy * cx]])


def sample_pose(rng: np.random.Generator, variety: float) -> Tuple[Points, Dict[str, np.ndarray], float]:
    """Sample a body in a pose that joints allow, seen from a random side.

    Args:
        rng (np.random.Generator): The source of randomness.
        variety (float): From 0, upright and facing the camera, to 1, in all actions and from all sides.

    Returns:
        tuple: The points in the camera's frame, the 17 COCO keypoints and
        what the drawing needs besides, each (3,); the rotations of ``torso``
        and ``head``, each (3, 3); the head's radius.
    """
    ranges = list(ACTIONS.values())[rng.integers(len(ACTIONS) if rng.random() < variety else 3)]
    view = _sample_view(rng, variety)
    pelvis = view @ rotation(x=0.5 * rng.uniform(*ranges['lean']))
    torso = pelvis @ rotation(rng.uniform(*ranges['lean']), rng.normal(0, 12), rng.normal(0, 7))
    head = torso @ rotation(rng.triangular(-30, 3, 40), rng.triangular(-70, 0, 70), rng.normal(0, 8))
    build, limb = rng.normal(1, 0.08), rng.normal(1, 0.05, size=4)  # width; arms, forearms, thighs, shins
    radius = 0.066 * rng.uniform(0.92, 1.3)

    shoulders, up = -0.29 * torso @ DOWN, -torso @ DOWN
    points = {'neck': shoulders + 0.025 * up, 'chest': shoulders - 0.05 * up + 0.06 * torso @ FORWARD,
              'belly': -0.02 * up + 0.06 * torso @ FORWARD}
    for sign, side in ((1, 'left_'), (-1, 'right_')):
        points[side + 'shoulder'] = shoulders + torso @ np.array([sign * 0.112 * build, 0.012, 0.])
        points[side + 'hip'] = pelvis @ np.array([sign * 0.062 * build, 0., 0.])
        _add_arm(points, rng, ranges, torso, side, sign, limb)
        _add_leg(points, rng, ranges, pelvis, side, sign, limb)
    _add_head(points, head, points['neck'] + (0.03 + 1.1 * radius) * (0.6 * up - 0.4 * head @ DOWN), radius)
    return points, {'torso': torso, 'head': head}, radius


def _sample_view(rng: np.random.Generator, variety: float) -> np.ndarray:
    unusual = rng.random(3) < variety * np.array([0.5, 0.15, 0.08])
    yaw = rng.uniform(-180, 180) if unusual[0] else rng.uniform(-70, 70) * math.sqrt(variety)
    pitch = rng.uniform(-35, 50) if unusual[1] else rng.normal(5, 8)
    roll = rng.uniform(-120, 120) if unusual[2] else rng.normal(0, 9)
    return rotation(z=roll) @ rotation(x=-pitch) @ rotation(y=yaw)


def _add_arm(points: Points, rng: np.random.Generator, ranges: dict, torso: np.ndarray, side: str, sign: int,
             limb: np.ndarray) -> None:
    lift, swing = math.radians(rng.uniform(*ranges['raise'])), math.radians(rng.uniform(*ranges['swing']))
    if swing < 0:  # behind the back the arm does not go up
        lift = min(lift, math.radians(60))
    out = math.sin(lift)
    upper = np.array([sign * out * math.cos(swing), math.cos(lift), -out * math.sin(swing)])
    # the forearm bends forwards, inwards and, the higher the arm, upwards
    bend = np.array([-sign * rng.uniform(0, 0.9), -out * rng.uniform(-0.5, 1.5), -1.])
    bend -= bend @ upper * upper
    bend /= math.sqrt(bend @ bend) + 1e-6
    flexion = math.radians(rng.uniform(*ranges['elbow']))
    fore = math.cos(flexion) * upper + math.sin(flexion) * bend
    points[side + 'elbow'] = points[side + 'shoulder'] + 0.165 * limb[0] * torso @ upper
    points[side + 'wrist'] = points[side + 'elbow'] + 0.145 * limb[1] * torso @ fore
    points[side + 'hand'] = points[side + 'wrist'] + 0.05 * torso @ fore


def _add_leg(points: Points, rng: np.random.Generator, ranges: dict, pelvis: np.ndarray, side: str, sign: int,
             limb: np.ndarray) -> None:
    thigh = pelvis @ rotation(z=-sign * rng.uniform(*ranges['spread'])) @ rotation(
        x=-rng.uniform(*ranges['hip'])) @ rotation(y=-sign * rng.uniform(-10, 25))
    shin = thigh @ rotation(x=rng.uniform(*ranges['knee']))
    points[side + 'knee'] = points[side + 'hip'] + 0.24 * limb[2] * thigh @ DOWN
    points[side + 'ankle'] = points[side + 'knee'] + 0.23 * limb[3] * shin @ DOWN
    points[side + 'heel'] = points[side + 'ankle'] + 0.025 * shin @ DOWN
    points[side + 'toe'] = points[side + 'heel'] + shin @ rotation(x=rng.uniform(-10, 35)) @ (0.085 * FORWARD)


def _add_head(points: Points, head: np.ndarray, centre: np.ndarray, radius: float) -> None:
    points['head'] = centre
    points.update(zip(FACE, centre + radius * np.array(list(FACE.values())) @ head.T))
