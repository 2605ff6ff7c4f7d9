"""Time what the data loader does for one sample, transform by transform, and encoding by SimDR against SimCC labels.

One process, no GPU. The samples are those of the config's training set; of a `ViewDataset` the dataset inside. Labels
are of random joints; their bytes are what a sample carries to the device. `--labels` times these alone, without data.

    python benchmarks/data_cost.py configs/students/resnet18-w16_simdr_lspet-64x64.py
"""
import argparse
import logging
import time
from collections import defaultdict

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, KEYPOINT_CODECS

import mmpose_kd
from mmpose_kd.cli import CfgOptions
from mmpose_kd.config import read_config
from mmpose_kd.machine import cores, processor


def transforms(cfg: Config, samples: int) -> None:
    """Milliseconds of each transform: the median over samples."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    times = defaultdict(list)
    for index in np.random.RandomState(0).randint(len(dataset), size=samples):
        start = time.perf_counter()
        results = dataset.get_data_info(int(index))
        times['get_data_info'].append(time.perf_counter() - start)
        for transform in dataset.pipeline.transforms:
            start = time.perf_counter()
            results = transform(results)
            times[type(transform).__name__].append(time.perf_counter() - start)
    medians = {name: 1000 * np.median(seconds) for name, seconds in times.items()}
    for name, milliseconds in {**medians, 'together': sum(medians.values())}.items():
        print(f'{name:24} {milliseconds:7.3f} ms a sample')


def labels(codec: dict, joints: int, samples: int) -> None:
    """Encoding time and bytes of a sample's labels by both codecs, interleaved."""
    codecs = {name: KEYPOINT_CODECS.build(dict(codec, type=name)) for name in ('SimCCLabel', 'SimDRLabel')}
    rng = np.random.RandomState(0)
    times, sizes = defaultdict(list), {}
    for _ in range(samples):
        keypoints = rng.uniform(0, codec['input_size'], (1, joints, 2)).astype(np.float32)
        visible = np.ones((1, joints), np.float32)
        for name, each in codecs.items():
            start = time.perf_counter()
            encoded = each.encode(keypoints.copy(), visible.copy())
            times[name].append(time.perf_counter() - start)
            sizes[name] = sum(np.asarray(value).nbytes for value in encoded.values())
    for name, seconds in times.items():
        print(f'{name:24} {1e6 * np.median(seconds):7.1f} us a sample, {sizes[name]} bytes')
    ratio = np.median(np.array(times['SimCCLabel']) / np.array(times['SimDRLabel']))
    print(f'SimCCLabel / SimDRLabel  {ratio:7.1f}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='with a SimDR head')
    parser.add_argument('--labels', action='store_true', help='time the encoding alone')
    parser.add_argument('--samples', type=int, default=500)
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    init_default_scope('mmpose')
    torch.set_num_threads(1)
    cfg = read_config(args.config, args.cfg_options)
    print(f'{processor()}, {cores()} cores, 1 process, mmengine {mmengine.__version__}, mmpose_kd '
          f'{mmpose_kd.__version__}')
    if not args.labels:
        transforms(cfg, args.samples)
    labels(dict(cfg.model.head.decoder), cfg.model.head.out_channels, args.samples)


if __name__ == '__main__':
    main()
