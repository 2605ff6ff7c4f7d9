"""What stock MMPose does, as hashes: python digest.py FOLDER [PACKAGE], with the package imported before MMPose.

The folder holds samples.py's `data/coco`, and gets what the training writes.
"""
import hashlib
import importlib
import json
import sys

if len(sys.argv) > 2:
    importlib.import_module(sys.argv[2])

import mmpose.registry
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS
from mmpose.testing import get_packed_inputs
from mmpose.utils import register_all_modules

ZOO = 'body_2d_keypoint/{}_coco-256x192.py'
CONFIGS = ('topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e', 'topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e',
           'topdown_heatmap/coco/td-hm_res50_8xb64-210e', 'simcc/coco/simcc_res50_8xb64-210e',
           'rtmpose/coco/rtmpose-t_8xb256-420e')
REGISTRIES = ('DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'KEYPOINT_CODECS', 'METRICS', 'MODELS', 'OPTIMIZERS',
              'OPTIM_WRAPPER_CONSTRUCTORS', 'PARAM_SCHEDULERS', 'RUNNERS', 'TRANSFORMS', 'VISUALIZERS')


def digest(values):
    """One hash of a dict of arrays or tensors."""
    found = hashlib.sha256()
    for name, value in sorted(values.items()):
        found.update(f'{name} {value.dtype} {tuple(value.shape)}'.encode() + np.ascontiguousarray(value).tobytes())
    return found.hexdigest()[:16]


def model_of(name):
    cfg = Config.fromfile(f'{mmpose.__path__[0]}/.mim/configs/{ZOO.format(name)}').model
    cfg.backbone.pop('init_cfg', None)
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model


def behaviour(model):
    """State, predictions with the flip test, losses, and gradients."""
    np.random.seed(0)
    data = get_packed_inputs(2, img_shape=(256, 192), input_size=(192, 256), heatmap_size=(48, 64),
                             with_simcc_label=True, simcc_split_ratio=2.0)
    data = model.data_preprocessor(data, training=True)
    yield 'state_dict', digest(model.state_dict())
    with torch.no_grad():
        instances = [sample.pred_instances for sample in model.eval()(**data, mode='predict')]
    yield 'predictions', digest({f'{k} {i}': v for i, found in enumerate(instances) for k, v in found.items()})
    losses = {k: v for k, v in model.train()(**data, mode='loss').items() if 'loss' in k}
    sum(losses.values()).backward()
    yield 'losses', digest({name: value.detach() for name, value in losses.items()})
    yield 'gradients', digest({name: p.grad for name, p in model.named_parameters() if p.grad is not None})


def training(folder):
    """Names and hash of what two steps of a stock training leave in a checkpoint."""
    codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
    pipeline = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip'),
                dict(type='TopdownAffine', input_size=(64, 64)), dict(type='GenerateTarget', encoder=codec),
                dict(type='PackPoseInputs')]
    cfg = dict(
        default_scope='mmpose', work_dir=f'{folder}/run', experiment_name='stock', log_level='WARNING',
        model=dict(
            type='TopdownPoseEstimator', data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.], std=[60.]),
            backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
            head=dict(type='HeatmapHead', in_channels=64, out_channels=17, deconv_out_channels=(8, 8, 8),
                      deconv_kernel_sizes=(4, 4, 4), loss=dict(type='KeypointMSELoss', use_target_weight=True),
                      decoder=codec)),
        train_dataloader=dict(
            batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(type='CocoDataset', data_root=f'{folder}/data/coco', pipeline=pipeline,
                         ann_file='annotations/person_keypoints_train2017.json', data_prefix=dict(img='train2017'))),
        train_cfg=dict(by_epoch=True, max_epochs=1), optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
        param_scheduler=dict(type='ConstantLR'), custom_hooks=[dict(type='EMAHook')],
        randomness=dict(seed=0, deterministic=True))
    Runner.from_cfg(Config(cfg)).train()
    file = torch.load(f'{folder}/run/epoch_1.pth', map_location='cpu', weights_only=False)
    return dict(keys=sorted(file), state_dict=digest(file['state_dict']), ema=digest(file['ema_state_dict']))


def parts():
    """Module and class of every part of OpenMMLab's in MMPose's registries, by name."""
    register_all_modules()
    found = {}
    for name in REGISTRIES:
        registry = getattr(mmpose.registry, name)
        for level in filter(None, (registry, registry.parent)):
            level.import_from_location()
            for key, cls in level.module_dict.items():
                found[f'{level.scope}.{name}.{key}'] = f'{cls.__module__}.{getattr(cls, "__qualname__", cls)}'
    return found


if __name__ == '__main__':
    torch.set_num_threads(1)
    init_default_scope('mmpose')
    models = {name: dict(behaviour(model_of(name))) for name in CONFIGS}
    beside = sys.modules.get('mmpose_kd') is not None
    print(json.dumps(dict(models=models, training=training(sys.argv[1]), parts=parts(), beside=beside)))
