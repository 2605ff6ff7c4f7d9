"""What every objective does with the arguments that they share."""
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.taps import Record

STAGES = dict(student_taps=['s'], teacher_taps=['t'], student_channels=[3], teacher_channels=[4], student_strides=[8],
              teacher_strides=[8])
CONFIGS = [
    dict(type='CrossStageObjective', **STAGES),
    dict(type='ReviewKDObjective', **STAGES),
    dict(type='FeatureObjective', connector=dict(type='ConvAligner'), **STAGES),
    dict(type='OutputObjective'),
    dict(type='PoseObjective'),
]
NUMBERS = dict(channels=r'=\[0\]: expected whole numbers above 0\.$', strides=r'=\[0\]: expected numbers above 0\.$')
each = pytest.mark.parametrize('config', CONFIGS, ids=lambda config: config['type'])
with_connectors = pytest.mark.parametrize('config', CONFIGS[:3], ids=lambda config: config['type'])


@each
def test_weight_and_teacher_by_default(config):
    objective = MODELS.build(config)
    assert (objective.weight, objective.teacher) == (1., 'teacher')


@each
def test_weight_and_teacher_are_kept(config):
    objective = MODELS.build(dict(config, weight=0.3, teacher='large'))
    assert (objective.weight, objective.teacher) == (0.3, 'large')


@with_connectors
def test_connectors_are_initialised_as_the_config_says(config):
    objective = MODELS.build(dict(config, init_cfg=dict(type='Constant', layer='Conv2d', val=0.25)))
    objective.init_weights()
    convolutions = [m for m in objective.modules() if isinstance(m, torch.nn.Conv2d)]
    assert convolutions and all((m.weight == 0.25).all() for m in convolutions)


@each
def test_a_loss_that_does_not_exist_is_named_with_its_place(config):
    with pytest.raises(ConfigError, match='^loss: type "NoLoss" is not registered'):
        MODELS.build(dict(config, loss=dict(type='NoLoss')))


@with_connectors
def test_a_connector_that_does_not_exist_is_named_with_its_place(config):
    with pytest.raises(ConfigError, match=r'^connector(\[0\])?: type "NoConnector" is not registered'):
        MODELS.build(dict(config, connector=dict(type='NoConnector')))


@with_connectors
@pytest.mark.parametrize('name', [*STAGES])
def test_each_list_is_checked_by_its_name(config, name):
    with pytest.raises(ConfigError, match=f'^{name} must be a list '):
        MODELS.build(dict(config, **{name: 's'}))


@with_connectors
@pytest.mark.parametrize('name', ['student_channels', 'teacher_channels', 'student_strides', 'teacher_strides'])
def test_numbers_are_positive(config, name):
    with pytest.raises(ConfigError, match=NUMBERS[name[8:]]):
        MODELS.build(dict(config, **{name: [0]}))


@with_connectors
@pytest.mark.parametrize('side, tap', [('student', 's'), ('teacher', 't')])
def test_wrong_channels_are_named_with_their_side(config, side, tap):
    features = dict(student=torch.zeros(2, 3, 4, 4), teacher=torch.zeros(2, 4, 4, 4))
    features[side] = torch.zeros(2, 7, 4, 4)
    with pytest.raises(ConfigError, match=rf"^{side} '{tap}' gives \(2, 7, 4, 4\), but {side}_channels\[0\] is"):
        MODELS.build(config)(Record(taps=dict(s=features['student'])), Record(taps=dict(t=features['teacher'])), [])


def labelled():
    labels = InstanceData(keypoint_weights=torch.ones(1, 3))
    return [PoseDataSample(metainfo=dict(input_size=(16, 16)), gt_instance_labels=labels)]


def on_meta(*shape):
    """On PyTorch's device without memory, which stands for a GPU: it refuses to mix with the CPU."""
    return torch.zeros(shape, device='meta')


def test_keypoint_weights_are_brought_to_the_outputs():
    assert keypoint_weights(labelled(), torch.device('meta')).device.type == 'meta'


@pytest.mark.parametrize('config, student, teacher', [
    (dict(type='OutputObjective'), (on_meta(1, 3, 8), on_meta(1, 3, 8)), (on_meta(1, 3, 8), on_meta(1, 3, 8))),
    (dict(type='OutputObjective', loss=dict(type='HeatmapKDLoss')), on_meta(1, 3, 4, 4), on_meta(1, 3, 4, 4)),
    (dict(type='PoseObjective'), [on_meta(1, 3, 2)] * 4, on_meta(1, 3, 4, 4)),
], ids=['SimDR logits', 'heatmaps', 'poses'])
def test_outputs_on_another_device_than_the_labels(config, student, teacher):
    loss = MODELS.build(config)(Record(outputs=student), Record(outputs=teacher), labelled())
    assert loss.device.type == 'meta'


class Weights(torch.nn.Module):
    """A loss of somebody else, which does not bring the weights to the outputs itself."""

    def forward(self, student, teacher, weights, *input_size):
        return weights.sum()


@pytest.mark.parametrize('kind, student, teacher', [
    ('OutputObjective', (on_meta(1, 3, 8), on_meta(1, 3, 8)), (on_meta(1, 3, 8), on_meta(1, 3, 8))),
    ('OutputObjective', on_meta(1, 3, 4, 4), on_meta(1, 3, 4, 4)),
    ('PoseObjective', [on_meta(1, 3, 2)] * 4, on_meta(1, 3, 4, 4)),
], ids=['SimDR logits', 'heatmaps', 'poses'])
def test_a_loss_gets_the_weights_on_the_device_of_the_outputs(kind, student, teacher):
    objective = MODELS.build(dict(type=kind, loss=dict(type=Weights)))
    assert objective(Record(outputs=student), Record(outputs=teacher), labelled()).device.type == 'meta'


@with_connectors
def test_one_stage_is_enough(config):
    student, teacher = Record(taps=dict(s=torch.rand(2, 3, 4, 4))), Record(taps=dict(t=torch.rand(2, 4, 4, 4)))
    assert MODELS.build(config)(student, teacher, []) > 0
