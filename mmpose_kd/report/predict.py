"""What a trained model predicts for some people of its validation set."""
import hashlib
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator

from mmpose_kd.checkpoint import last_checkpoint
from mmpose_kd.datasets.samples import NO_IMAGE, evenly, validation_set
from mmpose_kd.deploy.student import deployed_config, deployed_student
from mmpose_kd.errors import ConfigError, make_folder
from mmpose_kd.files import whole
from mmpose_kd.parts import dicts

from .runs import Experiment, Trained, dumped_config

BATCH = 16


class Predictions(NamedTuple):
    """Joints of P people as a model and as the labels have them, in pixels of the image.

    Args:
        keypoints (np.ndarray): Predicted joints (P, K, 2).
        scores (np.ndarray): Their scores (P, K).
        labels (np.ndarray): Labelled joints (P, K, 2).
        labelled (np.ndarray): Which joints have a label (P, K), bool.
        boxes (np.ndarray): Boxes (P, 4) of x1, y1, x2, y2.
        indices (np.ndarray): Places of the people in the validation set (P, ).
        joints (np.ndarray): Names of the joints (K, ).
    """
    keypoints: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    labelled: np.ndarray
    boxes: np.ndarray
    indices: np.ndarray
    joints: np.ndarray

    def same_people(self, other: 'Predictions') -> bool:
        """Whether both are of the same joints of the same people."""
        return all(np.array_equal(a, b) for a, b in zip(self[3:], other[3:])) and np.allclose(
            self.labels[self.labelled], other.labels[other.labelled])


Found = Dict[Trained, Predictions]  # of the runs that could be evaluated


def comparable(experiment: Experiment, found: Found, name: str) -> List[Tuple[Trained, Trained]]:
    """Seeds of a training and of its baseline that have predictions of the same people."""
    return [(run, other) for run, other in experiment.pairs(name)
            if run in found and other in found and found[run].same_people(found[other])]


def config_of(run: Trained, cfg_options: Optional[dict] = None) -> Config:
    """The plain config of the student that a run trained.

    Raises:
        ConfigError: Its folder has no config, or one that the options do not fit.
    """
    return deployed_config(_trained_config(run, cfg_options))


def _trained_config(run: Trained, cfg_options: Optional[dict]) -> Config:
    cfg = dumped_config(run, cfg_options, custom_imports=True)
    if cfg is None:
        raise ConfigError(f'"{run.folder}" has no config, which MMEngine writes there when a training begins.')
    init_default_scope('mmpose')
    return cfg


def predict(run: Trained, count: int, cache: Path, device: str, cfg_options: Optional[dict] = None,
            advance: Callable[[int], Any] = lambda people: None) -> Predictions:
    """Evaluate the last checkpoint of a run on evenly spread people of its validation set, in their labelled boxes.

    Args:
        run (Trained): The run.
        count (int): How many people, at most.
        cache (Path): Folder that keeps predictions, under a name that changes with checkpoint, config, count and
            the labels.
        device (str): Where the model runs.
        cfg_options (dict, optional): Changes to the config, such as the place of the data.
        advance (Callable): Told how many people were evaluated.

    Returns:
        Predictions: Of these people.

    Raises:
        ConfigError: Config, checkpoint or data are missing or cannot be read.
    """
    trained = _trained_config(run, cfg_options)
    cfg = deployed_config(trained)
    checkpoint = last_checkpoint(run.folder)
    if checkpoint is None:
        raise ConfigError(f'"{run.folder}" has no checkpoint.')
    stat = checkpoint.stat()
    made_of = f'{checkpoint.resolve()} {stat.st_size} {stat.st_mtime_ns} {count} {cfg.pretty_text} {_annotations(cfg)}'
    file = cache / f'{hashlib.sha256(made_of.encode()).hexdigest()[:24]}.npz'
    if file.is_file():
        return read_predictions(file)
    make_folder(cache)
    found = _evaluate(deployed_student(trained, str(checkpoint), device), count, advance)
    with whole(file) as part:
        np.savez_compressed(str(part), **found._asdict())
    return found


def _annotations(cfg: Config) -> str:
    """When the annotation files were last changed."""
    loaders = [cfg.get(key) or {} for key in ('val_dataloader', 'test_dataloader')]
    files = [Path(part.get('data_root') or '') / part['ann_file'] for _, part in dicts(loaders, '')
             if isinstance(part.get('ann_file'), str)]
    return ' '.join(f'{file.stat().st_size} {file.stat().st_mtime_ns}' for file in files if file.is_file())


def read_predictions(file: Path) -> Predictions:
    """Predictions of a cache's file; nothing in it is run."""
    try:
        with np.load(str(file), allow_pickle=False) as content:
            return Predictions(*(content[name] for name in Predictions._fields))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f'"{file}" does not hold what a report predicted ({error}). Delete it; the next report makes '
                          'it again.') from None


def people(cfg: Config, indices: np.ndarray) -> Tuple[List[np.ndarray], dict]:
    """Images (H, W, 3), RGB, of people of the validation set, and the metainfo of the set."""
    dataset = validation_set(cfg)
    load = Compose(dataset.pipeline.transforms[:1])
    try:
        return [load(dataset.get_data_info(int(i)))['img'][..., ::-1].copy() for i in indices], dataset.metainfo
    except NO_IMAGE as error:
        raise ConfigError(f'the validation set cannot be read: {error}.') from error


@torch.no_grad()
def _evaluate(model: TopdownPoseEstimator, count: int, advance: Callable[[int], Any]) -> Predictions:
    dataset = validation_set(model.cfg)
    indices = np.array(evenly(len(dataset), count))
    if not len(indices):
        raise ConfigError('the validation set holds nobody.')
    joints = [dataset.metainfo['keypoint_id2name'][i] for i in range(dataset.metainfo['num_keypoints'])]
    rows = []
    for begin in range(0, len(indices), BATCH):
        chosen = indices[begin:begin + BATCH]
        try:
            batch = pseudo_collate([dataset[int(i)] for i in chosen])
        except NO_IMAGE as error:
            raise ConfigError(f'the validation set cannot be read: {error}.') from error
        rows += [_row(sample) for sample in model.test_step(batch)]
        advance(len(chosen))
    keypoints, scores, labels, labelled, boxes = (np.stack(values) for values in zip(*rows))
    if keypoints.shape[1] != len(joints):
        raise ConfigError(f'the model predicts {keypoints.shape[1]} joints, and the validation set has {len(joints)}.')
    return Predictions(keypoints, scores, labels, labelled, boxes, indices, np.array(joints, dtype=str))


def _row(sample: Any) -> Tuple[np.ndarray, ...]:
    """Predicted joints, scores, labelled joints, whether they are labelled, and box of one person."""
    truth, found = sample.gt_instances, sample.pred_instances
    visible = np.asarray(truth.keypoints_visible)[0]
    return (np.asarray(found.keypoints)[0, :, :2], np.asarray(found.keypoint_scores)[0],
            np.asarray(truth.keypoints)[0, :, :2], (visible[..., 0] if visible.ndim == 2 else visible) > 0,
            np.asarray(truth.bboxes)[0])
