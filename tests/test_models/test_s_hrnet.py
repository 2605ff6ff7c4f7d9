"""The loss of S-HRNet's configs: (1 - a) MSE(labels) + a MSE(teacher), of the joints that have labels."""
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmpose.testing import get_packed_inputs
from tiny import build

CONFIG = Path(__file__).parents[2] / 'configs/s_hrnet/s-hrnet_shuffle-hrnet-w8-g4_hrnet-w8_synthetic-64x64.py'


def test_the_sum_is_fpds_mix_of_labels_and_teacher():
    cfg = Config.fromfile(str(CONFIG)).model
    cfg.teacher.pop('checkpoint')
    model = build(dict(cfg, teacher=dict(cfg.teacher, allow_random_weights=True))).eval()
    data = model.data_preprocessor(get_packed_inputs(2, img_shape=(64, 64), heatmap_size=(16, 16)), training=True)
    weights = np.random.RandomState(0).randint(0, 2, (2, 17)).astype('float32')
    for sample, weight in zip(data['data_samples'], weights):
        sample.gt_instance_labels.keypoint_weights = torch.from_numpy(weight)[None]
    with torch.no_grad():
        losses = model.loss(**data)
        student = model.head(model.extract_feat(data['inputs'])).numpy()
        teacher = model.teachers['teacher'].answer(data['inputs'], model.data_preprocessor)
    labels = np.stack([sample.gt_fields.heatmaps.numpy() for sample in data['data_samples']])

    def mse(target):
        return (weights * ((student - target)**2).mean((2, 3))).mean()

    total = losses['loss_kpt'] + losses['loss_okd']
    np.testing.assert_allclose(total, 0.5 * mse(labels) + 0.5 * mse(teacher.outputs.numpy()), rtol=1e-5)
