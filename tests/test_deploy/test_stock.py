"""A folder whose student is of stock parts needs MMPose alone: nothing here imports mmpose_kd once it is exported."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import samples
import tiny
import torch
from mmpose.apis import inference_topdown, init_model

from mmpose_kd.deploy import Limits, export_folder

STOCK = Path(__file__).parent.parent / 'stock'
INFER = """
import json, sys
from mmpose.apis import MMPoseInferencer
pose = MMPoseInferencer(pose2d='config.py', pose2d_weights='checkpoint.pth', det_model='whole_image', device='cpu')
person, = next(pose(sys.argv[1]))['predictions'][0]
print(json.dumps(person['keypoints']))
"""


def stock(*command, cwd):
    """Output of a Python process in which MMPose is there and mmpose_kd cannot be imported."""
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(STOCK), 'STOCK_ONLY': '1'}
    result = subprocess.run([sys.executable, '-W', 'ignore', *map(str, command)], cwd=cwd, env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """An exported folder of a distilled heatmap student on COCO files, an image, and the PCK that the export found."""
    root = tmp_path_factory.mktemp('stock')
    samples.write_datasets(root / 'data')
    model = tiny.pose_model(head='heatmap')
    model = dict(
        model, type='MultiKDDistiller', head=dict(model['head'], type='ChannelDropoutHead', drop_ratio=0.5),
        teacher=dict(config=tiny.pose_model(8, head='heatmap'), allow_random_weights=True),
        objectives=dict(loss_okd=dict(type='OutputObjective', loss=dict(type='HeatmapKDLoss'),
                                      student_output='head.dropped')))
    cfg = tiny.runner_cfg(model, root / 'run', custom_imports=dict(imports=['mmpose_kd']), dataset_type='CocoDataset',
                          visualizer=dict(type='PoseLocalVisualizer'), log_level='INFO')
    for split, loader in (('train', cfg.train_dataloader), ('val', cfg.val_dataloader)):
        loader.dataset = dict(
            type='CocoDataset', data_root=str(root / 'data' / 'coco'), data_prefix=dict(img=f'{split}2017'),
            ann_file=f'annotations/person_keypoints_{split}2017.json', pipeline=loader.dataset.pipeline)
    cfg.val_dataloader.dataset.test_mode = True
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = cfg.val_dataloader, cfg.val_evaluator, dict()
    cfg.dump(str(root / 'kd.py'))
    torch.manual_seed(0)
    torch.save(dict(state_dict=tiny.build(cfg.model).state_dict()), root / 'epoch_1.pth')
    spec = export_folder(str(root / 'kd.py'), str(root / 'epoch_1.pth'), str(root / 'out'), onnx='none',
                         limits=Limits(drop=1.), report=str)
    return root / 'out', next((root / 'data' / 'coco' / 'val2017').iterdir()), spec['pck']['exported']


def test_config_names_nothing_of_this_package(exported):
    text = (exported[0] / 'config.py').read_text()
    assert 'mmpose_kd' not in text and 'custom_imports' not in text and 'HeatmapHead' in text


def test_readme_says_that_mmpose_is_enough(exported):
    assert 'for MMPose alone' in (exported[0] / 'README.md').read_text()


def test_mmposes_inferencer_finds_the_same_pose(exported):
    folder, image, _ = exported
    found = json.loads(stock('-c', INFER, image, cwd=folder).splitlines()[-1])
    model = init_model(str(folder / 'config.py'), str(folder / 'checkpoint.pth'), device='cpu')
    expected = inference_topdown(model, str(image))[0].pred_instances.keypoints[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_mim_test_mmpose_finds_the_same_accuracy(exported):
    folder, _, accuracy = exported
    printed = stock('-m', 'mim', 'test', 'mmpose', 'config.py', '--checkpoint', 'checkpoint.pth', cwd=folder)
    assert float(re.search(r'PCK: ([\d.]+)', printed)[1]) == pytest.approx(accuracy, abs=1e-4)
