"""The distiller where MMPose uses it: the inferencer, testing, mixed precision, export."""
import numpy as np
import pytest
import tiny
import torch
from mmengine.runner import Runner
from mmpose.apis import MMPoseInferencer
from torch import nn

OBJECTIVES = dict(
    loss_fkd=dict(
        type='CrossStageObjective', student_taps=['backbone.layer2', 'backbone.layer3'],
        teacher_taps=['backbone.layer2', 'backbone.layer3'], student_channels=[8, 16], teacher_channels=[16, 32],
        student_strides=[8, 16], teacher_strides=[8, 16], allocation=dict(type='WeightAllocation', batch_size=4)),
    loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss')))
ABSENT = dict(config='absent.py', checkpoint='absent.pth')  # never looked for outside of training


def distilled(teacher):
    return dict(tiny.pose_model(), type='MultiKDDistiller', teacher=teacher, objectives=OBJECTIVES)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    torch.save(dict(state_dict=tiny.build(tiny.pose_model()).state_dict(), meta={}), tmp_path / 'student.pth')
    return tmp_path / 'student.pth'


def test_testing_gives_the_plain_students_metric_and_needs_no_teacher(tmp_path, weights):
    found = []
    for name, model in dict(plain=tiny.pose_model(), distilled=distilled(ABSENT)).items():
        cfg = tiny.runner_cfg(model, tmp_path, samples=16, load_from=str(weights), experiment_name=f'testing_{name}')
        cfg.update(test_dataloader=cfg.val_dataloader, test_evaluator=cfg.val_evaluator, test_cfg={})
        found.append(Runner.from_cfg(cfg).test())
    assert found[0] == found[1]


def test_inferencer_finds_the_plain_students_keypoints(tmp_path, weights):
    image = np.random.default_rng(0).integers(0, 255, (80, 60, 3), np.uint8)
    found = []
    for name, model in dict(plain=tiny.pose_model(), distilled=distilled(ABSENT)).items():
        cfg = tiny.runner_cfg(model, tmp_path)
        cfg.update(test_dataloader=cfg.val_dataloader, visualizer=dict(
            type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]))
        cfg.dump(str(tmp_path / f'{name}.py'))
        inferencer = MMPoseInferencer(
            pose2d=str(tmp_path / f'{name}.py'), pose2d_weights=str(weights), det_model='whole_image', device='cpu')
        [result] = list(inferencer(image))
        found.append(result['predictions'][0][0]['keypoints'])
    assert len(found[0]) == 17
    assert found[0] == found[1]


def test_autocast_reaches_the_student_and_not_the_losses():
    model = tiny.build(distilled(dict(config=tiny.pose_model(8), allow_random_weights=True)))
    data = tiny.batch(model, batch_size=4)
    full = model.loss(**data)
    with torch.autocast('cpu', torch.bfloat16):
        low = model.loss(**data)
    assert low['loss_fkd'].dtype == low['loss_vkd'].dtype == torch.float32
    for key in ('loss_fkd', 'loss_vkd'):
        torch.testing.assert_close(low[key], full[key], rtol=0.05, atol=0)
    model.parse_losses(low)[0].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


class Forward(nn.Module):

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x, None)


def test_traced_student_holds_nothing_of_the_distillation():
    model = tiny.build(distilled(ABSENT)).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        traced = torch.jit.trace(Forward(model), image)
        torch.testing.assert_close(traced(image), model(image, None), rtol=0, atol=0)
