"""Small models, batches and runs that the tests share."""
import copy
import itertools

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS
from mmpose.testing import get_packed_inputs

PREPROCESSOR = dict(
    type='PoseDataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True)


def pose_model(base_channels=4, size=(64, 64), keypoints=17, split_ratio=2.0, head='simcc', **kwargs):
    """A tiny ResNet-18 estimator with a stock head, about 60 k parameters; size is (w, h)."""
    channels, stride4 = base_channels * 8, (size[0] // 32, size[1] // 32)
    heads = dict(
        simcc=dict(
            type='SimCCHead',
            in_channels=channels,
            out_channels=keypoints,
            input_size=size,
            in_featuremap_size=stride4,
            simcc_split_ratio=split_ratio,
            deconv_out_channels=None,
            loss=dict(type='KLDiscretLoss', use_target_weight=True),
            decoder=dict(type='SimCCLabel', input_size=size, sigma=4.0, simcc_split_ratio=split_ratio)),
        heatmap=dict(
            type='HeatmapHead',
            in_channels=channels,
            out_channels=keypoints,
            deconv_out_channels=(8, 8, 8),
            deconv_kernel_sizes=(4, 4, 4),
            loss=dict(type='KeypointMSELoss', use_target_weight=True),
            decoder=dict(type='MSRAHeatmap', input_size=size, heatmap_size=(size[0] // 4, size[1] // 4), sigma=2.0)))
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=PREPROCESSOR,
        backbone=dict(type='ResNet', depth=18, stem_channels=base_channels, base_channels=base_channels),
        head=heads[head],
        test_cfg=dict(flip_test=False),
        **kwargs)


def build(cfg):
    """Build a model from its config."""
    init_default_scope('mmpose')
    return MODELS.build(cfg)


def batch(model, batch_size=2, size=(64, 64), keypoints=17, split_ratio=2.0):
    """A preprocessed batch: inputs and data samples with labels for every head of this module."""
    data = get_packed_inputs(
        batch_size,
        num_keypoints=keypoints,
        img_shape=(size[1], size[0]),
        input_size=size,
        heatmap_size=(size[0] // 4, size[1] // 4),
        simcc_split_ratio=split_ratio)
    return model.data_preprocessor(data, training=True)


def runner_cfg(model, work_dir, epochs=2, samples=8, batch_size=4, **kwargs):
    """The config of a run on drawn people with a tiny model of this module."""
    codec, size = model['head']['decoder'], model['head']['decoder']['input_size']

    def loader(seed, test_mode, *transforms):
        pipeline = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), *transforms, dict(type='PackPoseInputs')]
        return dict(
            batch_size=batch_size,
            num_workers=0,
            drop_last=False,
            sampler=dict(type='DefaultSampler', shuffle=not test_mode, round_up=False),
            dataset=dict(
                type='SyntheticPoseDataset',
                num_samples=samples,
                seed=seed,
                test_mode=test_mode,
                pipeline=pipeline))

    affine = dict(type='TopdownAffine', input_size=size)
    cfg = dict(
        default_scope='mmpose',
        data_mode='topdown',  # MMPose's inferencer asks for this and the next
        dataset_type='SyntheticPoseDataset',
        model=model,
        work_dir=str(work_dir),
        train_dataloader=loader(1, False, dict(type='RandomFlip'), dict(type='RandomBBoxTransform'), affine,
                                dict(type='GenerateTarget', encoder=codec)),
        val_dataloader=loader(2, True, affine),
        val_evaluator=dict(type='PCKAccuracy', thr=0.2, norm_item='bbox'),
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
        param_scheduler=dict(type='LinearLR', start_factor=0.1, end=3, by_epoch=False),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1), checkpoint=dict(type='CheckpointHook', interval=1)),
        randomness=dict(seed=0),
        log_level='WARNING')
    return Config({**cfg, **kwargs})


def run(cfg, **changes):
    """Train by the stock runner; returns it."""
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(changes)
    cfg.experiment_name = f'tiny_{next(_RUNS)}'  # MMEngine keeps one logger and message hub a name
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


_RUNS = itertools.count()
