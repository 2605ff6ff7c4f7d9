import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData
from mmpose.datasets.transforms import GenerateTarget, GetBBoxCenterScale, PackPoseInputs, TopdownAffine
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.testing import get_coco_sample
from tiny import PREPROCESSOR, build

from mmpose_kd.errors import ConfigError

SIZE, K, CHANNELS = (32, 48), 4, 6  # input (w, h), so 64 and 96 bins
CODEC = dict(type='SimDRLabel', input_size=SIZE, sigma=2., simcc_split_ratio=2.)
FLIP = [0, 2, 1, 3]


def simdr_head(**kwargs):
    torch.manual_seed(0)
    head = MODELS.build({
        'type': 'SimDRHead', 'in_channels': CHANNELS, 'out_channels': K, 'in_stride': 8, 'decoder': CODEC, **kwargs})
    return spread(head)


def stock_head(**kwargs):
    torch.manual_seed(1)
    head = MODELS.build({
        'type': 'SimCCHead', 'in_channels': CHANNELS, 'out_channels': K, 'input_size': SIZE,
        'in_featuremap_size': (4, 6), 'deconv_out_channels': None,
        'decoder': {**CODEC, 'type': 'SimCCLabel'}, **kwargs})
    return spread(head)


def spread(head):
    """Weights large enough for predictions that differ between joints, and batch statistics frozen."""
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head.eval()


def features(persons=2, stride=8, seed=0, channels=CHANNELS):
    g = torch.Generator().manual_seed(seed)
    return (torch.randn(persons, channels, SIZE[1] // stride, SIZE[0] // stride, generator=g), )


def samples(bins, weights):
    """Annotations with bins (N, K, 2) and weights (N, K)."""
    return [
        PoseDataSample(
            gt_instance_labels=InstanceData(keypoint_bins=b[None], keypoint_weights=w[None]),
            metainfo=dict(flip_indices=FLIP)) for b, w in zip(bins, weights)
    ]


def annotations(persons=2):
    g = torch.Generator().manual_seed(5)
    bins = torch.rand(persons, K, 2, generator=g) * torch.tensor([64., 96.])
    weights = torch.ones(persons, K)
    weights[0, 1] = 0
    return bins.round(), weights


# Layers


@pytest.mark.parametrize('extra', [
    {},
    dict(final_layer=None, in_channels=K),
    dict(deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4)),
    dict(conv_out_channels=(8, ), conv_kernel_sizes=(3, ), deconv_out_channels=(8, ), deconv_kernel_sizes=(4, )),
], ids=['plain', 'no final layer', 'deconv', 'deconv and conv'])
def test_checkpoint_of_the_stock_head_loads_strictly_and_gives_its_logits(extra):
    stock, ours = stock_head(**extra), simdr_head(**extra)
    ours.load_state_dict(stock.state_dict(), strict=True)
    stock.load_state_dict(ours.state_dict(), strict=True)
    feats = features(channels=extra.get('in_channels', CHANNELS))
    for actual, expected in zip(ours(feats), stock(feats)):
        assert torch.equal(actual, expected)


@pytest.mark.parametrize('stride, cells', [(4, 96), (8, 24), (16, 6), (32, 2)])
def test_stride_gives_the_size_of_the_map(stride, cells):
    head = simdr_head(in_stride=stride)
    assert head.mlp_head_x.weight.shape == (64, cells) and head.mlp_head_y.weight.shape == (96, cells)


def test_map_that_the_stride_does_not_divide_is_rounded_up_as_convolutions_do():
    assert simdr_head(in_stride=32).in_featuremap_size == (1, 2)  # 32 / 32 and 48 / 32


def test_split_ratio_of_the_codec_gives_the_bins():
    head = simdr_head(decoder={**CODEC, 'simcc_split_ratio': 3.})
    assert [axis.shape for axis in head(features())] == [(2, K, 96), (2, K, 144)]


def test_in_index_chooses_the_map():
    feats = (*features(stride=4), *features(stride=8), *features(stride=16))
    expected = simdr_head()(feats[1:2])
    for actual, axis in zip(simdr_head(in_index=1)(feats), expected):
        assert torch.equal(actual, axis)


def test_default_does_not_upsample():
    assert simdr_head().deconv_head is None


# Loss


def test_loss_is_equation_6_on_the_gaussian_of_the_bins():
    head, feats, (bins, weights) = simdr_head(), features(), annotations()
    total = 0.
    for axis, logits in enumerate(head(feats)):
        logits = logits.detach().double().numpy()
        for n in range(2):
            for k in range(K):
                label = np.exp(-(np.arange(logits.shape[-1]) - bins[n, k, axis].item())**2 / (2 * 2.**2))
                label /= label.sum()
                log_s = logits[n, k] - np.log(np.exp(logits[n, k]).sum())
                total -= weights[n, k].item() * (label * log_s).sum() / 2
    losses = head.loss(feats, samples(bins, weights))
    assert list(losses) == ['loss_kpt']
    assert losses['loss_kpt'].item() == pytest.approx(total / (2 * K), rel=1e-5)


def test_sigma_of_each_axis_is_used():
    value = [
        simdr_head(decoder={**CODEC, 'sigma': sigma}).loss(features(), samples(*annotations()))['loss_kpt'].item()
        for sigma in (2., (2., 5.), (5., 2.), 5.)
    ]
    assert len(set(value)) == 4
    assert value[0] + value[3] == pytest.approx(value[1] + value[2], rel=1e-5)  # the mean of two axes


def test_batch_without_a_labelled_joint_trains_nothing():
    head = simdr_head()
    losses = head.loss(features(3), samples(torch.zeros(3, K, 2), torch.zeros(3, K)), dict(compute_acc=True))
    losses['loss_kpt'].backward()
    assert losses['loss_kpt'].item() == 0 and losses['acc_pose'].item() == 0
    assert all(not p.grad.any() for p in head.parameters())


def test_joint_outside_the_input_pulls_towards_its_border():
    head, bins = simdr_head(), torch.full((1, K, 2), -5.)
    pred = [axis.detach().requires_grad_() for axis in head(features(1))]
    head.forward = lambda feats: pred
    head.loss(features(1), samples(bins, torch.ones(1, K)))['loss_kpt'].backward()
    for axis in pred:
        assert (axis.grad[..., 0] < 0).all() and (axis.grad[..., 20:] > 0).all()


def test_stock_simcc_loss_can_be_used():
    head = simdr_head(loss=dict(type='KLDiscretLoss', use_target_weight=True))
    loss = head.loss(features(), samples(*annotations()))['loss_kpt']
    loss.backward()
    assert loss.item() > 0 and head.mlp_head_x.weight.grad.any()


def test_accuracy_is_the_share_of_labelled_joints_near_the_label():
    head = simdr_head()
    pred = [axis.argmax(-1).float() for axis in head(features())]
    bins, weights = torch.stack(pred, -1), torch.ones(2, K)
    bins[0, 0, 0] += 3.1  # of 64 bins: below 5 %
    bins[0, 1, 0] += 3.3  # above
    bins[0, 2] += torch.tensor([2.5, 3.8])  # each below, together above
    bins[1, 0] += 30
    weights[1, 0] = 0  # does not count
    losses = head.loss(features(), samples(bins, weights), train_cfg=dict(compute_acc=True))
    assert losses['acc_pose'].item() == pytest.approx(5 / 7)


def test_no_step_reads_a_value_back_from_the_device():
    # tensors of the meta device have shapes and no values, so reading one fails
    head = simdr_head().to('meta')
    annotated = [sample.to('meta') for sample in samples(*annotations())]
    losses = head.loss(tuple(f.to('meta') for f in features()), annotated, train_cfg=dict(compute_acc=True))
    sum(losses.values()).backward()
    assert losses['loss_kpt'].is_meta and losses['acc_pose'].is_meta


def test_autocast_logits_leave_the_head_in_float32():
    head = simdr_head()
    with torch.autocast('cpu', torch.bfloat16):
        pred = head(features())
        loss = head.loss(features(), samples(*annotations()))['loss_kpt']
    assert pred[0].dtype == pred[1].dtype == loss.dtype == torch.float32
    assert not torch.equal(pred[0], head(features())[0])  # they were computed in bfloat16
    assert loss.item() == pytest.approx(head.loss(features(), samples(*annotations()))['loss_kpt'].item(), rel=0.05)


def test_prediction_of_a_bfloat16_head():
    head = simdr_head().to(torch.bfloat16)
    preds = head.predict((features()[0].bfloat16(), ), samples(*annotations()))
    assert preds[0].keypoints.shape == (1, K, 2)


# Prediction


def predictions(test_cfg, feats):
    stock, ours = stock_head(), simdr_head()
    ours.load_state_dict(stock.state_dict())
    return [head.predict(feats, samples(*annotations(len(feats[0]))), test_cfg) for head in (ours, stock)]


@pytest.mark.parametrize('flip_test', [False, True])
def test_keypoints_are_those_of_the_stock_head(flip_test):
    feats = [features(3, seed=0), features(3, seed=1)] if flip_test else features(3)
    ours, stock = predictions(dict(flip_test=flip_test), feats)
    for our_pred, stock_pred in zip(ours, stock):
        assert np.array_equal(our_pred.keypoints, stock_pred.keypoints)


def test_flip_test_of_a_mirrored_map_scores_the_mirrored_keypoint():
    head = simdr_head()
    plain, mirrored = head(features(1, seed=0)), head(features(1, seed=1))
    expected_x = (plain[0] + mirrored[0][:, FLIP].flip(-1)) / 2
    expected_y = (plain[1] + mirrored[1][:, FLIP]) / 2
    keypoints, scores = head.decoder.decode(expected_x.detach().numpy(), expected_y.detach().numpy())
    feats = [features(1, seed=0), features(1, seed=1)]
    pred = head.predict(feats, samples(*annotations(1)), dict(flip_test=True))[0]
    np.testing.assert_array_equal(pred.keypoints, keypoints)
    np.testing.assert_allclose(pred.keypoint_scores, scores)


def test_scores_are_probabilities():
    ours, stock = predictions({}, features(8))
    scores = np.concatenate([pred.keypoint_scores for pred in ours])
    assert scores.min() > 0 and scores.max() <= 1
    assert np.concatenate([pred.keypoint_scores for pred in stock]).max() > 1  # where stock gives logits


def test_heatmaps_for_drawing_are_those_of_the_stock_head():
    (ours, our_fields), (stock, stock_fields) = predictions(dict(output_heatmaps=True), features())
    assert torch.equal(our_fields[0].heatmaps, stock_fields[0].heatmaps)
    assert np.array_equal(ours[0].keypoint_x_labels, stock[0].keypoint_x_labels)


# In a model


def estimator(**kwargs):
    torch.manual_seed(0)
    codec = dict(type='SimDRLabel', input_size=(64, 64), sigma=3., simcc_split_ratio=2.)
    head = dict(type='SimDRHead', in_channels=16, out_channels=17, in_stride=16, in_index=2, decoder=codec)
    return build(
        dict(
            type='TopdownPoseEstimator',
            data_preprocessor=PREPROCESSOR,
            backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=4, out_indices=(0, 1, 2, 3)),
            head={**head, **kwargs},
            train_cfg=dict(compute_acc=True),
            test_cfg=dict(flip_test=True)))


def stock_pipeline(encoder, persons):
    pipeline = [
        GetBBoxCenterScale(), TopdownAffine(input_size=(64, 64)), GenerateTarget(encoder=encoder), PackPoseInputs()]
    data = []
    for _ in range(persons):
        results = get_coco_sample(img_shape=(120, 100), num_instances=1, with_bbox_cs=False)
        results['bbox_score'] = np.ones(1, dtype=np.float32)
        for transform in pipeline:
            results = transform(results)
        data.append(results)
    return pseudo_collate(data)


def test_stock_pipeline_trains_a_stock_estimator():
    model = estimator()
    model.init_weights()
    optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=0.01))
    data = stock_pipeline(dict(type='SimDRLabel', input_size=(64, 64), sigma=3.), persons=3)
    logs = [model.train_step(data, optimizer) for _ in range(6)]
    assert set(logs[0]) == {'loss', 'loss_kpt', 'acc_pose'}
    assert logs[0]['loss'].item() == pytest.approx(np.log(128), rel=0.01)  # starts flat over 128 bins
    assert logs[-1]['loss'] < logs[0]['loss']


def test_estimator_predicts_in_the_image_and_returns_logits_as_tensors():
    model = estimator().eval()
    data = stock_pipeline(dict(type='SimDRLabel', input_size=(64, 64), sigma=3.), persons=3)
    results = model.test_step(data)
    assert len(results) == 3 and results[0].pred_instances.keypoints.shape == (1, 17, 2)
    inputs = model.data_preprocessor(data)['inputs']
    assert [axis.shape for axis in model(inputs, None, mode='tensor')] == [(3, 17, 128), (3, 17, 128)]


# Bad input


@pytest.mark.parametrize('arguments, message', [
    (dict(decoder={**CODEC, 'type': 'SimCCLabel'}), 'a SimCCLabel given, expected a SimDRLabel'),
    (dict(decoder=None), 'SimDRHead.decoder: expected a dict'),
    (dict(decoder={**CODEC, 'sigmas': 2.}), 'no argument "sigmas"'),
    (dict(simcc_split_ratio=3.), r'simcc_split_ratio=3.0 given, but its decoder has simcc_split_ratio=2.0'),
    (dict(input_size=(48, 48)), r'input_size=\(48, 48\) given, but its decoder has input_size=\(32, 48\)'),
    (dict(in_stride=None), 'neither in_stride nor in_featuremap_size'),
    (dict(in_featuremap_size=(8, 12)), r'in_featuremap_size=\(8, 12\) and in_stride=8 .* map of \(4, 6\)'),
    (dict(loss=dict(type='KLDiscretLoss', beta=10.)), 'beta=10.0 and label_softmax=False given, but'),
    (dict(loss=dict(type='KLDiscretLoss', label_softmax=True)), 'beta=1.0 and label_softmax=True given, but'),
])
def test_contradictions_are_errors_when_built(arguments, message):
    with pytest.raises(ConfigError, match=message):
        simdr_head(**arguments)


def test_size_of_the_map_may_stand_for_its_stride():
    head = simdr_head(in_stride=None, in_featuremap_size=(4, 6))
    assert [x.shape for x in head(features())] == [x.shape for x in simdr_head(in_stride=8)(features())]


def test_values_that_agree_may_be_given_twice():
    head = simdr_head(input_size=[32, 48], simcc_split_ratio=2, in_featuremap_size=(4, 6))
    assert head(features())[0].shape == (2, K, 64)


@pytest.mark.parametrize('feats, given', [
    (features(stride=4), r'\(6, 12, 8\)'),
    (features(channels=7), r'\(7, 6, 4\)'),
])
def test_map_of_another_shape_is_an_error_with_both_shapes(feats, given):
    with pytest.raises(ConfigError, match=given + r', expected \(6, 6, 4\)'):
        simdr_head()(feats)


def test_map_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match='in_index=3 given, but the backbone or neck returns 1 maps'):
        simdr_head(in_index=3)(features())


def test_pipeline_with_another_codec_is_an_error():
    model = estimator()
    data = model.data_preprocessor(stock_pipeline(dict(type='SimCCLabel', input_size=(64, 64), sigma=3.), persons=2))
    with pytest.raises(ConfigError, match='expected keypoint_bins'):
        model(**data, mode='loss')
