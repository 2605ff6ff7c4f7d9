"""Drawn people in the files of COCO, CrowdPose, LSPET and MPII, in the places where the configs look for them."""
import json

import cv2
import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from scipy.io import savemat

from mmpose_kd.datasets import SyntheticPoseDataset

NUM = 3  # people in each file: RKD has nothing to compare in fewer
MEANS = {  # joints that COCO does not have, as means of those it has: near enough to train a step on
    'neck': ('left_shoulder', 'right_shoulder'), 'thorax': ('left_shoulder', 'right_shoulder'),
    'pelvis': ('left_hip', 'right_hip'), 'upper_neck': ('left_shoulder', 'right_shoulder', 'nose'),
    'top_head': ('left_ear', 'right_ear'), 'head_top': ('left_ear', 'right_ear')}


def write_datasets(data):
    """Write all four below the folder ``data``, with three images for training and three for validation each."""
    _coco_style(data / 'coco', 'coco', 'annotations/person_keypoints_train2017.json', 'train2017')
    _coco_style(data / 'coco', 'coco', 'annotations/person_keypoints_val2017.json', 'val2017',
                'person_detection_results/COCO_val2017_detections_AP_H_56_person.json')
    _coco_style(data / 'crowdpose', 'crowdpose', 'annotations/mmpose_crowdpose_trainval.json', 'images')
    _coco_style(data / 'crowdpose', 'crowdpose', 'annotations/mmpose_crowdpose_test.json', 'images',
                'annotations/det_for_crowd_test_0.1_0.5.json')
    _coco_style(data / 'lspet', 'crowdpose', 'annotations/lspet_train.json', 'images')
    _coco_style(data / 'lspet', 'crowdpose', 'annotations/lspet_val.json', 'images')
    _mpii(data / 'mpii', 'train')
    _mpii(data / 'mpii', 'val')


def _coco_style(folder, keypoint_set, ann_file, images, bbox_file=None):
    file = dict(categories=[dict(id=1, name='person')], images=[], annotations=[])
    for index, image, person in _people(ann_file):
        joints = _joints(person, keypoint_set)
        _write_image(folder / images / f'{index}.jpg', image)
        file['images'].append(dict(id=index, file_name=f'{index}.jpg', height=96, width=96, crowdIndex=0.5))
        file['annotations'].append(dict(
            {k: person[k] for k in ('id', 'category_id', 'iscrowd', 'bbox', 'area')}, image_id=index,
            keypoints=joints.ravel().tolist(), num_keypoints=int((joints[:, 2] > 0).sum())))
    _write_json(folder / ann_file, file)
    if bbox_file:
        _write_json(folder / bbox_file, [dict(image_id=a['image_id'], category_id=1, bbox=a['bbox'], score=0.9)
                                         for a in file['annotations']])


def _mpii(folder, split):
    records = []
    for index, image, person in _people(f'mpii_{split}'):
        joints = _joints(person, 'mpii')
        _write_image(folder / 'images' / f'{index}.jpg', image)
        x, y, w, h = person['bbox']
        records.append(dict(image=f'{index}.jpg', center=[x + w / 2, y + h / 2], scale=max(w, h) / 200,
                            joints=(joints[:, :2] + 1).tolist(), joints_vis=(joints[:, 2] > 0).astype(int).tolist()))
    _write_json(folder / f'annotations/mpii_{split}.json', records)
    head = np.array([[10., 10.], [30., 30.]])  # left top and right bottom of the box around the head
    savemat(folder / 'annotations' / f'mpii_gt_{split}.mat', dict(headboxes_src=np.stack([head] * NUM, axis=-1)))


def _people(seed):
    """Index, image (96, 96, 3) and COCO annotation of each person; the seed is any text."""
    seed = sum(seed.encode())
    dataset = SyntheticPoseDataset(num_samples=NUM, seed=seed, image_size=(96, 96))
    for i in range(NUM):
        image, annotation = dataset.draw(i)
        yield seed * NUM + i, image, annotation


def _joints(person, keypoint_set):
    """Keypoints (K, 3) in the order of one of MMPose's keypoint sets."""
    coco = np.array(person['keypoints'], dtype=float).reshape(-1, 3)
    named = dict(zip(_names('coco'), coco))
    return np.stack([named[name] if name in named else np.mean([named[n] for n in MEANS[name]], axis=0).round(1)
                     for name in _names(keypoint_set)]).astype(float)


def _names(keypoint_set):
    metainfo = parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{keypoint_set}.py'))
    return [metainfo['keypoint_id2name'][i] for i in range(metainfo['num_keypoints'])]


def _write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def _write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
