"""Where predictions are right: by joint, by size, by score, by person."""
from typing import List, NamedTuple, Optional

import numpy as np
from scipy.stats import rankdata

from .predict import Predictions

THIRDS = ('smallest third', 'middle third', 'largest third')


class Reliability(NamedTuple):
    """How far scores tell which joints are right.

    Args:
        scores (np.ndarray): Mean score of each of the bins, which hold equally many joints.
        shares (np.ndarray): Share of the joints of each bin that are right.
        gap (float, optional): Expected calibration error: mean over the joints of ``|score - share|`` of their bin;
            None where scores leave [0, 1] and so are no probabilities.
        ranking (float, optional): Probability that a joint that is right has a higher score than one that is wrong
            (area under the ROC curve); None where all are right, or all wrong.
    """
    scores: np.ndarray
    shares: np.ndarray
    gap: Optional[float]
    ranking: Optional[float]


def distances(found: Predictions) -> np.ndarray:
    """Distance of each joint from its label (P, K), in longer sides of the person's box.

    NaN without a label; infinite where the model diverged and predicts NaN.
    """
    apart = np.linalg.norm(found.keypoints - found.labels, axis=-1) / np.maximum(_sides(found), 1e-6)[:, None]
    return np.where(found.labelled, np.where(np.isnan(apart), np.inf, apart), np.nan)


def mean_distances(found: Predictions) -> np.ndarray:
    """Mean distance of each person's joints from their labels (P, ), in longer sides of the box.

    A joint counts as at most one side away, so that one that is far off does not decide alone.
    """
    return _mean(np.minimum(distances(found), 1), axis=1)


def right(found: Predictions, threshold: float) -> np.ndarray:
    """1 where a joint is nearer to its label than the threshold, as PCK has it, else 0 (P, K); NaN without a label."""
    apart = distances(found)
    return np.where(np.isnan(apart), np.nan, apart < threshold)


def by_joint(found: Predictions, threshold: float) -> np.ndarray:
    """Share of the labels of each joint that were found (K, ); NaN where it has none."""
    return _mean(right(found, threshold), axis=0)


def size_limits(found: Predictions) -> np.ndarray:
    """The two lengths of the box's longer side, in pixels, that divide the people into thirds."""
    return np.quantile(_sides(found), [1 / 3, 2 / 3])


def by_size(found: Predictions, threshold: float) -> np.ndarray:
    """Share of the joints found, among the people of each third by the longer side of the box (3, )."""
    sides = _sides(found)
    third = np.empty(len(sides), int)
    third[np.argsort(sides, kind='stable')] = np.arange(len(sides)) * 3 // max(1, len(sides))  # equal ones divided too
    correct = right(found, threshold)
    return np.array([_mean(correct[third == i].ravel()) for i in range(3)])


def reliability(found: Predictions, threshold: float, bins: int = 10) -> Reliability:
    """Scores against the share of joints that are right.

    Args:
        found (Predictions): Predictions.
        threshold (float): What counts as right, in longer sides of the box.
        bins (int): Number of bins; each holds equally many joints, or one more. Default: 10.

    Returns:
        Reliability: By bin, and as a whole.
    """
    counted = found.labelled & np.isfinite(found.scores)
    scores, correct = found.scores[counted], right(found, threshold)[counted]
    order = np.argsort(scores, kind='stable')
    parts = [part for part in np.array_split(order, bins) if len(part)]
    means = np.array([scores[part].mean() for part in parts])
    shares = np.array([correct[part].mean() for part in parts])
    sizes = np.array([len(part) for part in parts])
    is_probability = len(scores) > 0 and scores.min() >= 0 and scores.max() <= 1
    gap = float((np.abs(means - shares) * sizes).sum() / sizes.sum()) if is_probability else None
    good, bad = int(correct.sum()), int(len(correct) - correct.sum())
    ranking = None
    if good and bad:
        ranking = float((rankdata(scores)[correct > 0].sum() - good * (good + 1) / 2) / (good * bad))
    return Reliability(means, shares, gap, ranking)


def gains(student: Predictions, baseline: Predictions) -> np.ndarray:
    """How much nearer to the labels each person's joints are in the mean (P, ), in longer sides of the box."""
    return mean_distances(baseline) - mean_distances(student)


def largest(values: np.ndarray, count: int) -> List[int]:
    """Places of the largest values that are above 0, at most some."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind='stable')[:count]
    return [int(i) for i in order if values[i] > 0]


def _sides(found: Predictions) -> np.ndarray:
    """The longer side of each person's box (P, ), in pixels."""
    return np.maximum(found.boxes[:, 2] - found.boxes[:, 0], found.boxes[:, 3] - found.boxes[:, 1])


def _mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean of what is not NaN; NaN where there is nothing."""
    count = (~np.isnan(values)).sum(axis)
    return np.where(count, np.nansum(values, axis) / np.maximum(count, 1), np.nan)
