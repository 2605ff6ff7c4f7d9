import copy

import pytest
import tiny
import torch
from mmpose.models.heads import SimCCHead
from mmpose.registry import MODELS
from torch import nn

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.objectives.base import Objective


@MODELS.register_module()
class TwoBranchHead(SimCCHead):
    """A SimCC head whose second branch only training has."""

    training_only = ('peer', )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.peer = nn.Conv2d(self.in_channels, 2, 1)

    def forward(self, feats):
        if self.training:
            self.peer(feats[-1])
        return super().forward(feats)


@MODELS.register_module()
class PeerSquare(Objective):
    """Mean square of what the second branch returns."""

    def __init__(self, **kwargs):
        super().__init__(teacher='student', student_taps=['head.peer'], **kwargs)

    def forward(self, student, teacher, data_samples):
        return student['head.peer'].square().mean()


def model_cfg():
    model = tiny.pose_model()
    return dict(model, type='MultiKDDistiller', head=dict(model['head'], type='TwoBranchHead'),
                objectives=dict(loss_peer=dict(type='PeerSquare')))


def test_state_dict_leaves_out_what_only_training_needs():
    model = tiny.build(model_cfg())
    tiny.build(tiny.pose_model()).load_state_dict(model.state_dict(), strict=True)
    assert list(model.distillation_state()) == ['objectives', 'head.peer']


def test_plain_weights_load_strictly_and_leave_the_rest_as_it_is():
    model = tiny.build(model_cfg())
    peer = model.head.peer.weight.detach().clone()
    model.load_state_dict(tiny.build(tiny.pose_model()).state_dict(), strict=True)
    assert torch.equal(model.head.peer.weight, peer)


def test_distillation_state_brings_the_branch_back():
    trained, fresh = tiny.build(model_cfg()), tiny.build(model_cfg())
    state = copy.deepcopy(trained.distillation_state())
    assert not torch.equal(trained.head.peer.weight, fresh.head.peer.weight)
    fresh.load_distillation_state(state)
    assert torch.equal(trained.head.peer.weight, fresh.head.peer.weight)


def test_state_of_another_model_is_refused():
    model = tiny.build(model_cfg())
    with pytest.raises(ConfigError, match='written with other objectives.*head.peer'):
        model.load_distillation_state(dict(objectives={}))


@pytest.mark.parametrize('hooks', [[], [dict(type='EMAHook', momentum=0.1)]])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path, hooks):
    cfg = tiny.runner_cfg(model_cfg(), tmp_path / 'whole', epochs=2, custom_hooks=hooks)
    whole = tiny.run(cfg)
    tiny.run(cfg, work_dir=str(tmp_path / 'part'), **{'train_cfg.max_epochs': 1})
    part = tiny.run(cfg, work_dir=str(tmp_path / 'part'), resume=True, load_from=str(tmp_path / 'part/epoch_1.pth'))
    assert not torch.equal(whole.model.head.peer.weight, tiny.build(model_cfg()).head.peer.weight)
    assert torch.equal(whole.model.head.peer.weight, part.model.head.peer.weight)
    assert torch.equal(whole.model.head.mlp_head_x.weight, part.model.head.mlp_head_x.weight)
