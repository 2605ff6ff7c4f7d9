import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.taps import Record

N, K = 3, 5


def objective(**config):
    return build(MODELS, dict(type='OutputObjective', **config), 'model.objectives.loss_vkd')


def samples(weights):
    return [PoseDataSample(gt_instance_labels=InstanceData(keypoint_weights=w[None])) for w in weights]


def simdr(seed=0, keypoints=K, bins=(24, 32)):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(N, keypoints, size, generator=generator) for size in bins)


def heatmaps(seed=0, size=(8, 6)):
    return torch.randn(N, K, *size, generator=torch.Generator().manual_seed(seed))


ONES = samples(torch.ones(N, K))
HEATMAP = dict(loss=dict(type='HeatmapKDLoss'))


@pytest.mark.parametrize('same', [{}, dict(student_output='outputs[-1]'), dict(teacher_output='outputs[-1]'),
                                  dict(student_output='outputs[0]', teacher_output='outputs[0]')])
def test_an_output_is_not_compared_with_itself(same):
    with pytest.raises(ConfigError, match='are the same output, which would be compared with itself'):
        objective(**HEATMAP, teacher='student', **same)


def test_one_stage_under_two_names_is_not_compared_with_itself():
    record = Record(outputs=[heatmaps(0), heatmaps(1)])
    itself = objective(**HEATMAP, teacher='student', student_output='outputs[1]', teacher_output='outputs[-1]')
    with pytest.raises(ConfigError, match="'outputs.1.' and teacher_output='outputs.-1.' .* are the same output"):
        itself(record, record.detach(), ONES)
    another = objective(**HEATMAP, teacher='student', student_output='outputs[0]', teacher_output='outputs[-1]')
    assert another(record, record.detach(), ONES) > 0


def test_distributions_of_combined_maps_are_those_of_the_places():
    student, teacher = (torch.randn(N, 3 * K, 8, 6, generator=torch.Generator().manual_seed(i)) for i in range(2))
    kl = objective(loss=dict(type='HeatmapKDLoss', mode='kl'))
    loss = kl(Record(outputs=student), Record(outputs=teacher), ONES)
    assert torch.equal(loss, kl(Record(outputs=student[:, ::3]), Record(outputs=teacher[:, ::3]), ONES))


def test_loss_sees_both_outputs_and_the_keypoint_weights():
    weights = torch.rand(N, K, generator=torch.Generator().manual_seed(2))
    student, teacher = simdr(0), simdr(1)

    def kl(s, t):  # of one joint on one axis, in float64
        s, t = (np.exp(x) / np.exp(x).sum() for x in (s.double().numpy(), t.double().numpy()))
        return (t * np.log(t / s)).sum()

    expected = np.mean([[weights[n, k].item() * np.mean([kl(s[n, k], t[n, k]) for s, t in zip(student, teacher)])
                         for k in range(K)] for n in range(N)])
    loss = objective()(Record(outputs=student), Record(outputs=teacher), samples(weights))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_joints_without_label_give_no_gradient():
    student = tuple(x.requires_grad_() for x in simdr(0))
    weights = torch.ones(N, K)
    weights[1, 2] = 0
    objective()(Record(outputs=student), Record(outputs=simdr(1)), samples(weights)).backward()
    assert all((x.grad[1, 2] == 0).all() and (x.grad[0] != 0).any() for x in student)


def test_heatmaps():
    student, teacher = heatmaps(0), heatmaps(1)
    loss = objective(**HEATMAP)(Record(outputs=student), Record(outputs=teacher), ONES)
    assert loss.item() == pytest.approx(objective(**HEATMAP).loss(student, teacher, torch.ones(N, K)).item())
    assert loss > 0


def test_last_stage_of_a_list_of_heatmaps():
    last, teacher = heatmaps(0), heatmaps(1)
    several = objective(**HEATMAP)(Record(outputs=[heatmaps(5), last]), Record(outputs=teacher), ONES)
    assert torch.equal(several, objective(**HEATMAP)(Record(outputs=last), Record(outputs=teacher), ONES))


def test_last_of_three_stages():
    teacher = heatmaps(1)
    stages = [heatmaps(5), heatmaps(6), heatmaps(0)]
    several = objective(**HEATMAP)(Record(outputs=stages), Record(outputs=teacher), ONES)
    assert torch.equal(several, objective(**HEATMAP)(Record(outputs=heatmaps(0)), Record(outputs=teacher), ONES))


def test_output_by_path():
    student = Record(outputs=(simdr(0), torch.rand(N, K)))
    chosen = objective(student_output='outputs[0]')(student, Record(outputs=simdr(1)), ONES)
    assert torch.equal(chosen, objective()(Record(outputs=simdr(0)), Record(outputs=simdr(1)), ONES))


@pytest.mark.parametrize('config, student, teacher, message', [
    (dict(), heatmaps(), simdr(), r'returns heatmaps \(3, 5, 8, 6\), the teacher\'s SimDR logits '
     r'\[\(3, 5, 24\), \(3, 5, 32\)\]: give both a head of the same kind, or compare features with FeatureObjective'),
    (dict(), heatmaps(), heatmaps(), r"which SimDRKLLoss does not compare: use dict\(type='HeatmapKDLoss'\)"),
    (HEATMAP, simdr(), simdr(), r"which HeatmapKDLoss does not compare: use dict\(type='SimDRKLLoss'\)"),
    (dict(), simdr(), simdr(keypoints=7), r'\[\(3, 5, 24\), .*the teacher\'s \[\(3, 7, 24\), .*: both must '
     'have the same joints and the same bins or cells; compare their metainfo and codecs'),
    (HEATMAP, heatmaps(), heatmaps(size=(16, 12)), r'\(3, 5, 8, 6\), the teacher\'s \(3, 5, 16, 12\)'),
    (dict(), torch.rand(N, K, 2), simdr(), r"student's head returns \(3, 5, 2\) at 'outputs': expected heatmaps "
     r'\(N, K, H, W\), a list of heatmaps, or SimDR logits \(N, K, Wx\) and \(N, K, Wy\)\. Compare features '
     'with FeatureObjective'),
    (dict(), simdr(), (simdr(), torch.rand(N, K)), r"teacher's head returns .*Set teacher_output='outputs\[0\]'"),
    (dict(), simdr(), [], r"teacher's head returns \[\]"),
    (dict(), [torch.rand(N, K)] * 3, simdr(), r"student's head returns \[\(3, 5\), \(3, 5\), \(3, 5\)\] at"),
    (dict(), simdr(), 'none', r"teacher's head returns str at"),
])
def test_outputs_that_cannot_be_compared(config, student, teacher, message):
    with pytest.raises(ConfigError, match=message):
        objective(**config)(Record(outputs=student), Record(outputs=teacher), ONES)


@pytest.mark.parametrize('config, message', [
    (dict(loss=dict(type='SimDRKLLos')), 'loss: type "SimDRKLLos" is not registered.*SimDRKLLoss'),
    (dict(temperature=2.), 'OutputObjective has no argument "temperature"'),
    (dict(teacher_output='head.final_layer'), r"teacher_output='head\.final_layer' given, but only what a "
     "teacher's head returns is brought to the student's keypoints"),
    (dict(loss=dict(type='FeatureMSELoss')), 'loss: FeatureMSELoss does not take the outputs of both heads and the'),
])
def test_mistakes_in_the_config_are_named(config, message):
    with pytest.raises(ConfigError, match='model.objectives.loss_vkd: ' + message):
        objective(**config)
