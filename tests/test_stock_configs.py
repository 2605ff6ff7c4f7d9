"""Distillation as a delta on MMPose's own configs, with MMPose's own models as teachers."""
import pytest
import tiny
from mmengine.hub import get_config
from mmpose.testing import get_packed_inputs

from mmpose_kd.errors import ConfigError

HEATMAP = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_'
RTMPOSE = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-'
WHOLEBODY = 'mmpose::wholebody_2d_keypoint/rtmpose/coco-wholebody/rtmpose-l_8xb32-270e_coco-wholebody-384x288.py'
COCO = dict(from_file='configs/_base_/datasets/coco.py')


def distil(student, teacher, loss, **kwargs):
    """The model of a stock config after the delta, and one step's losses."""
    cfg = get_config(student)
    model = dict(
        cfg.model, type='MultiKDDistiller', metainfo=COCO,
        teacher=dict(config=teacher, allow_random_weights=True, **kwargs),
        objectives=dict(loss_vkd=dict(type='OutputObjective', loss=loss)))
    model['backbone'] = dict(model['backbone'], init_cfg=None)
    distiller = tiny.build(model)
    data = distiller.data_preprocessor(
        get_packed_inputs(2, img_shape=(256, 192), simcc_split_ratio=2.0), training=True)
    return cfg, distiller, distiller.loss(**data)


@pytest.mark.parametrize('student, teacher, loss', [
    (f'{HEATMAP}mobilenetv2_8xb64-210e_coco-256x192.py', f'{HEATMAP}hrnet-w32_8xb64-210e_coco-256x192.py', 'HeatmapKD'),
    (f'{HEATMAP}shufflenetv2_8xb64-210e_coco-256x192.py', f'{HEATMAP}res50_8xb64-210e_coco-384x288.py', 'HeatmapKD'),
    (f'{RTMPOSE}t_8xb256-420e_coco-256x192.py', f'{RTMPOSE}m_8xb256-420e_coco-256x192.py', 'SimDRKL'),
    (f'{RTMPOSE}t_8xb256-420e_coco-256x192.py', WHOLEBODY, 'SimDRKL'),
], ids=['heatmaps', 'larger-input', 'rtmpose', 'wholebody-133-larger-input'])
def test_delta_on_a_stock_config_trains_and_keeps_the_students_keys(student, teacher, loss):
    cfg, distiller, losses = distil(student, teacher, dict(type=f'{loss}Loss'))
    assert losses['loss_vkd'] > 0
    plain = tiny.build(dict(cfg.model, backbone=dict(cfg.model.backbone, init_cfg=None)))
    assert list(distiller.state_dict()) == list(plain.state_dict())


def test_heatmap_teacher_of_a_simcc_student_is_refused():
    with pytest.raises(ConfigError, match="student's head returns SimDR logits .*teacher's heatmaps"):
        distil(f'{RTMPOSE}t_8xb256-420e_coco-256x192.py', f'{HEATMAP}res50_8xb64-210e_coco-256x192.py',
               dict(type='SimDRKLLoss'))
