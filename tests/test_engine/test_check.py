import pytest
import tiny
from mmpose.datasets.transforms import TopdownAffine

from mmpose_kd.engine.check import check_config, kind_of
from mmpose_kd.errors import ConfigError


@pytest.mark.parametrize('kind, name', [
    ('TopdownAffine', 'TopdownAffine'), ('mmpose.TopdownAffine', 'TopdownAffine'), (TopdownAffine, 'TopdownAffine')])
def test_a_type_is_known_with_a_scope_and_as_a_class(kind, name):
    assert kind_of(dict(type=kind)) == name
    assert kind_of(dict()) == ''


def test_a_loop_with_a_scope_counts_iterations_too():
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_kd=dict(
        type='OutputObjective', weight=dict(type='Stop', value=1., at=1, by_epoch=True))))
    cfg = tiny.runner_cfg(model, 'unused')
    check_config(cfg)
    cfg.train_cfg = dict(type='mmengine.IterBasedTrainLoop', max_iters=2)
    with pytest.raises(ConfigError, match='loss_kd.weight: by_epoch=True, but this training counts iterations'):
        check_config(cfg)


def test_a_size_is_compared_with_that_of_a_transform_with_a_scope():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    affine = next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'TopdownAffine')
    affine.update(type='mmpose.TopdownAffine', input_size=(96, 96))
    with pytest.raises(ConfigError, match=r'input_size=.*96.* and model.head.decoder.input_size=.* differ'):
        check_config(cfg)


def test_randomness_without_a_seed_is_refused():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.randomness = dict(deterministic=True)
    with pytest.raises(ConfigError, match=r"randomness={'deterministic': True}: no seed given"):
        check_config(cfg)
