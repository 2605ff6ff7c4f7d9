"""Mixed precision by MMEngine's own wrapper, in the stock Runner."""
import copy

import pytest
import tiny
import torch

LOSSES = dict(simcc='SimDRKLLoss', heatmap='HeatmapKDLoss')


@pytest.mark.parametrize('head', LOSSES)
@pytest.mark.parametrize('distilled', [False, True], ids=['alone', 'distilled'])
def test_bfloat16_trains_as_float32_does(head, distilled, tmp_path):
    model = tiny.pose_model(head=head)
    if distilled:
        model.update(
            type='MultiKDDistiller', teacher=dict(config=tiny.pose_model(8, head=head), allow_random_weights=True),
            objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(type=LOSSES[head]))))
    optimizer = dict(type='AdamW', lr=1e-3)
    full = tiny.run(tiny.runner_cfg(copy.deepcopy(model), tmp_path / 'full', optim_wrapper=dict(optimizer=optimizer)))
    low = tiny.run(tiny.runner_cfg(model, tmp_path / 'low', optim_wrapper=dict(
        type='AmpOptimWrapper', dtype='bfloat16', optimizer=optimizer)))
    assert low.iter == full.iter == 4
    assert all(value.dtype == torch.float32 for value in low.model.parameters())
    for name in ('train/loss_kpt', 'train/loss_kd')[:1 + distilled]:
        found, expected = (runner.message_hub.get_scalar(name).mean() for runner in (low, full))
        assert found == pytest.approx(expected, rel=0.02)
        assert found != expected


def test_bfloat16_resumes_as_if_it_had_not_stopped(tmp_path):
    model = dict(
        tiny.pose_model(), type='MultiKDDistiller', teacher=dict(config=tiny.pose_model(8), allow_random_weights=True),
        objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'))))
    cfg = tiny.runner_cfg(model, tmp_path / 'whole', optim_wrapper=dict(
        type='AmpOptimWrapper', dtype='bfloat16', optimizer=dict(type='AdamW', lr=1e-3)))
    whole = tiny.run(cfg)
    tiny.run(cfg, work_dir=str(tmp_path / 'parts'), **{'train_cfg.max_epochs': 1})
    resumed = tiny.run(cfg, work_dir=str(tmp_path / 'parts'), resume=True)
    assert resumed.iter == whole.iter == 4
    torch.testing.assert_close(resumed.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
