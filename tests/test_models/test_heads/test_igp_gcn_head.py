import numpy as np
import pytest
import tiny
import torch
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.heads.graph import SemGConv
from mmpose_kd.models.heads.igp_gcn_head import IGPGCNHead, sample_at
from mmpose_kd.models.losses.expectation import pose_in_pixels

SIZE = (64, 96)
CHANNELS = (16, 8, 4)  # coarse to fine
SKELETONS = dict(coco=17, crowdpose=14)


def base(joints=17, kind='simdr'):
    if kind == 'simdr':
        codec = dict(type='SimDRLabel', input_size=SIZE, sigma=3.0, simcc_split_ratio=2.0)
        return dict(type='SimDRHead', in_channels=16, in_stride=16, out_channels=joints, decoder=codec)
    codec = dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=(4, 6), sigma=2.0)
    return dict(type='HeatmapHead', in_channels=16, out_channels=joints, deconv_out_channels=None,
                loss=dict(type='KeypointMSELoss'), decoder=codec)


def simcc(beta):
    codec = dict(type='SimCCLabel', input_size=SIZE, sigma=3.0, simcc_split_ratio=2.0)
    return dict(type='SimCCHead', in_channels=16, out_channels=17, input_size=SIZE, in_featuremap_size=(4, 6),
                deconv_out_channels=None, loss=dict(type='KLDiscretLoss', beta=beta), decoder=codec)


def head(name='coco', kind='simdr', trained=False, **kwargs):
    torch.manual_seed(0)
    skeleton = dict(from_file=f'configs/_base_/datasets/{name}.py')
    model = IGPGCNHead(base(SKELETONS[name], kind), CHANNELS, skeleton, hidden_channels=8, image_channels=(8, 4, 4),
                       **kwargs)
    if trained:
        for parameter in model.corrections.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def feats(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, c, h, w, generator=generator) for c, h, w in ((4, 24, 16), (8, 12, 8), (16, 6, 4)))


def samples(joints=17):
    flip = list(range(joints))
    flip[:2] = 1, 0
    return [PoseDataSample(metainfo=dict(flip_indices=flip)) for _ in range(2)]


def test_graph_convolution_against_numpy():
    torch.manual_seed(0)
    conv = SemGConv(3, 2, num_joints=4, limbs=[(0, 1), (2, 1)])
    torch.nn.init.normal_(conv.edges)
    x = torch.randn(2, 4, 3)
    own, neighbours, edges = (p.detach().numpy() for p in (conv.own.weight, conv.neighbours.weight, conv.edges))
    around = {0: [0, 1], 1: [0, 1, 2], 2: [1, 2], 3: [3]}
    expected = np.zeros((2, 4, 2))
    for i, joints in around.items():
        total = sum(np.exp(edges[i, j]) for j in joints)
        for j in joints:
            expected[:, i] += np.exp(edges[i, j]) / total * (x[:, j].numpy() @ (own if i == j else neighbours).T)
    expected += conv.own.bias.detach().numpy()
    np.testing.assert_allclose(conv(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_edges_that_are_not_in_the_skeleton_get_no_gradient():
    conv = SemGConv(3, 2, num_joints=3, limbs=[(0, 1)])
    conv(torch.rand(2, 3, 3)).square().sum().backward()
    assert (conv.edges.grad[[0, 1, 2, 2], [2, 2, 0, 1]] == 0).all() and conv.edges.grad[0, 1] != 0


@pytest.mark.parametrize('pool', [1, 2, 4])
def test_maps_are_sampled_where_the_codecs_have_the_joints(pool):
    stride, width, height = 4, 16, 24
    x, y = torch.meshgrid(torch.arange(width), torch.arange(height), indexing='xy')
    ramps = torch.stack([x, y]).float().unsqueeze(0) * stride  # a cell holds the pixel on which it is centred
    pose = torch.tensor([[[8., 20.], [31., 50.5], [20.25, 77.]]])
    torch.testing.assert_close(sample_at(ramps, pose, (64, 96), pool), pose)


def test_beyond_the_border_the_border_is_repeated():
    feature = torch.arange(6.).view(1, 1, 2, 3)
    torch.testing.assert_close(sample_at(feature, torch.tensor([[[-50., -50.], [500., 500.]]]), (12, 8)),
                               torch.tensor([[[0.], [5.]]]))


@pytest.mark.parametrize('name', SKELETONS)
@pytest.mark.parametrize('kind', ['simdr', 'heatmap'])
def test_training_starts_exactly_at_the_pose_of_stage_1(name, kind):
    model = head(name, kind)
    first = pose_in_pixels(model.base(feats()), SIZE)
    poses = model(feats())
    assert len(poses) == 4 and first.shape == (2, SKELETONS[name], 2)
    assert all(torch.equal(pose, first) for pose in poses)
    for flip_test in (False, True):
        views = [feats(), feats(1)] if flip_test else feats()
        preds = model.predict(views, samples(SKELETONS[name]), dict(flip_test=flip_test))
        stock = model.base.predict(views, samples(SKELETONS[name]), dict(flip_test=flip_test))
        for i, pred in enumerate(preds):
            assert pred.keypoints.shape == (1, SKELETONS[name], 2)
            np.testing.assert_array_equal(pred.keypoint_scores, stock[i].keypoint_scores)
            if not flip_test:
                np.testing.assert_array_equal(pred.keypoints[0], first[i].detach().numpy())


def test_a_sharp_peak_is_where_the_codec_decodes_it():
    model = head()
    with torch.no_grad():
        for layer, place in ((model.base.mlp_head_x, 40), (model.base.mlp_head_y, 90)):
            layer.weight.zero_()
            layer.bias.copy_(100 - torch.arange(float(layer.out_features)).sub(place).square())
    pred, _ = model.predict(feats(), samples())
    stock, _ = model.base.predict(feats(), samples())
    np.testing.assert_allclose(pred.keypoints, stock.keypoints, atol=1e-3)
    np.testing.assert_allclose(pred.keypoints[0, 0], (20, 45), atol=1e-3)


@pytest.mark.parametrize('codec', [dict(type='MSRAHeatmap', unbiased=True), dict(type='UDPHeatmap')],
                         ids=lambda codec: codec['type'])
def test_the_pose_of_encoded_heatmaps_is_where_the_joints_are_in_the_photograph(codec):
    codec.update(input_size=SIZE, heatmap_size=(16, 24), sigma=2.0)
    stage_1 = dict(type='HeatmapHead', in_channels=17, out_channels=17, deconv_out_channels=None, final_layer=None,
                   decoder=codec)  # returns the map that it gets
    model = IGPGCNHead(stage_1, (17, 17), [[0, 1]], (-1, -1), image_channels=(4, 4),
                       loss=dict(type='ProgressivePoseLoss', step_weights=(1., 1.))).eval()
    centre, box = np.array([[50., 70.]]), np.array([[64., 96.]])  # of the photograph, whose pixels are the input's
    keypoints = np.random.default_rng(0).uniform((26, 30), (74, 110), (1, 17, 2)).astype(np.float32)
    warped = TopdownAffine(SIZE, use_udp=codec['type'] == 'UDPHeatmap')(dict(
        img=np.zeros((120, 100, 3), np.uint8), bbox_center=centre, bbox_scale=box, bbox_rotation=np.zeros(1),
        keypoints=keypoints, keypoints_visible=np.ones((1, 17))))
    maps = model.decoder.encode(warped['transformed_keypoints'], np.ones((1, 17), np.float32))['heatmaps']
    pred, = model.predict((torch.from_numpy(maps).unsqueeze(0), ), samples()[:1])
    restored = pred.keypoints / SIZE * box + centre - box / 2  # as MMPose's estimator does
    np.testing.assert_allclose(restored, keypoints, atol=0.25)


def test_each_step_adds_to_the_pose_of_the_step_before_what_it_sees_there():
    model = head(trained=True)
    poses = model(feats())
    finest = list(feats())
    finest[0] = finest[0] + 1  # the last step's map
    changed = model(finest)
    assert all(torch.equal(a, b) for a, b in zip(poses[:3], changed[:3])) and not torch.equal(poses[3], changed[3])
    assert not torch.equal(poses[1], poses[0]) and not torch.equal(poses[2], poses[1])


def test_flip_test_averages_with_the_mirrored_pose():
    model = head(trained=True)
    pred = model.predict([feats(0), feats(1)], samples(), dict(flip_test=True))[0].keypoints[0]
    straight, mirrored = (model(feats(seed))[-1][0].detach().numpy() for seed in (0, 1))
    mirrored = mirrored[[1, 0, *range(2, 17)]] * (-1, 1) + (SIZE[0] - 1, 0)
    np.testing.assert_allclose(pred, (straight + mirrored) / 2, rtol=1e-5)


def test_heatmaps_are_those_of_stage_1():
    preds, fields = head(kind='heatmap').predict(feats(), samples(), dict(output_heatmaps=True))
    assert preds[0].keypoints.shape == (1, 17, 2) and fields[0].heatmaps.shape == (17, 6, 4)


@pytest.mark.parametrize('channels', [(512, 256, 128), (40, 40, 40)], ids=['resnet18', 'litehrnet'])
def test_light_setting_has_at_most_a_quarter_million_parameters(channels):
    model = IGPGCNHead(base(), channels, dict(from_file='configs/_base_/datasets/coco.py'))
    total, stage_1 = (sum(p.numel() for p in module.parameters()) for module in (model, model.base))
    assert 100_000 < total - stage_1 <= 250_000


def test_refinement_is_computed_in_float32():
    model, half = head(trained=True), [x.bfloat16() for x in feats()]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = model(half)
        outputs = model.base(half)
    assert all(pose.dtype == torch.float32 for pose in low)
    torch.testing.assert_close(low[0], pose_in_pixels(outputs, SIZE))


def test_traced_head_is_the_head():
    model = head(trained=True).requires_grad_(False)
    traced = torch.jit.trace(lambda *maps: model(maps)[-1], feats())
    torch.testing.assert_close(traced(*feats(1)), model(feats(1))[-1])


def training_samples():
    data = tiny.batch(tiny.build(tiny.pose_model(size=SIZE)), size=SIZE)['data_samples']
    for i, sample in enumerate(data):
        sample.gt_instance_labels.keypoint_bins = torch.full((1, 17, 2), 30. + i)
    return data


def test_logits_count_as_much_as_in_the_loss_that_they_are_trained_by():
    coco = dict(from_file='configs/_base_/datasets/coco.py')
    one, ten = (IGPGCNHead(simcc(beta), CHANNELS, coco, hidden_channels=8, image_channels=(8, 4, 4)).eval()
                for beta in (1., 10.))  # ten, as RTMPose's
    for parameter in one.corrections.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    ten.load_state_dict(one.state_dict())
    logits = torch.rand(2, 17, 128), torch.rand(2, 17, 192)
    for pose, expected in zip(ten(feats(), logits), one(feats(), tuple(10 * axis for axis in logits))):
        torch.testing.assert_close(pose, expected)


def test_frozen_stage_1_leaves_the_refinement_alone():
    model = head(trained=True, label_weight=2.0).train()
    model.base.requires_grad_(False).eval()
    data = training_samples()
    losses = model.loss(feats(), data)
    poses = model(feats())[1:]
    weights = torch.cat([s.gt_instance_labels.keypoint_weights for s in data]).numpy()
    label = np.array([30., 31.])[:, None, None] / 2
    expected = sum(factor * (weights * (np.abs(p.detach().numpy() - label) * 2 / SIZE).mean(-1)).mean()
                   for factor, p in zip((0.3, 0.5, 1.0), poses))
    assert {k: v.item() for k, v in losses.items()} == pytest.approx(dict(loss_refine=2 * expected), rel=1e-5)


def test_trained_stage_1_keeps_its_own_loss():
    model = head(label_weight=1.0).train()
    losses = model.loss(feats(), training_samples())
    assert set(losses) == {'loss_kpt', 'loss_refine'}
    losses['loss_refine'].backward()
    assert all(p.grad is None for p in model.base.parameters())  # the first pose is not trained through
    assert all(layer.own.weight.grad.abs().sum() > 0 for layer in model.corrections)


def test_a_base_that_is_trained_runs_once_a_step():
    model = head(label_weight=1.0).train()
    norm = torch.nn.BatchNorm2d(16)
    model.base.final_layer = torch.nn.Sequential(norm, model.base.final_layer)
    losses = model.loss(feats(), training_samples())
    assert set(losses) == {'loss_kpt', 'loss_refine'}
    assert norm.num_batches_tracked == 1


@pytest.mark.parametrize('flip_test', [False, True])
def test_the_base_runs_once_for_each_view_of_a_prediction(flip_test):
    model, calls = head(), []
    model.base.final_layer.register_forward_hook(lambda *args: calls.append(1))
    model.predict([feats(0), feats(1)] if flip_test else feats(), samples(), dict(flip_test=flip_test))
    assert len(calls) == 1 + flip_test


def test_without_a_label_weight_the_labels_are_not_needed():
    model = head()
    model.base.requires_grad_(False)
    assert model.loss(feats(), samples()) == {}


def test_labels_without_coordinates_are_named():
    model = head(kind='heatmap', label_weight=1.0)
    model.base.requires_grad_(False)
    data = tiny.batch(tiny.build(tiny.pose_model(size=SIZE)), size=SIZE)['data_samples']
    for sample in data:
        sample.gt_instances.pop('transformed_keypoints', None)
    with pytest.raises(ConfigError, match='pack_transformed=True'):
        model.loss(feats(), data)


@pytest.mark.parametrize('kwargs, message', [
    (dict(in_channels=(16, )), 'at least two steps'),
    (dict(pools=(1, 1)), 'one entry in each for every step'),
    (dict(skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py')), 'has 14 joints and the model 17'),
    (dict(temperature=0), 'temperature=0'),
    (dict(pools=(1, -2, 1)), r'pools\[1\]=-2: expected a whole number of at least 1'),
    (dict(image_channels=(64, 32, 0)), r'image_channels\[2\]=0: expected'),
    (dict(hidden_channels=1), 'hidden_channels=1: expected a whole number of at least 2'),
    (dict(label_weight=-1.), 'label_weight=-1.0: expected a finite number of at least 0'),
    (dict(base=dict(base(), in_stride=0)), 'in_stride=0: expected a whole number of at least 1'),
    (dict(skeleton=[[0, 17]]), 'two joints below 17'),
    (dict(base=dict(base(), decoder=None)), 'decoder'),
    (dict(base=dict(base(51, 'heatmap'), decoder=dict(
        type='UDPHeatmap', input_size=SIZE, heatmap_size=(4, 6), heatmap_type='combined'))),
     'HeatmapHead with UDPHeatmap as decoder given, expected .* UDPHeatmap of heatmap_type "gaussian"'),
    (dict(base=dict(base(kind='heatmap'), decoder=dict(
        type='MegviiHeatmap', input_size=SIZE, heatmap_size=(4, 6), kernel_size=5))),
     'HeatmapHead with MegviiHeatmap as decoder given, expected .* a SimDRLabel, a SimCCLabel, a MSRAHeatmap'),
    (dict(base=dict(base(kind='heatmap'), type='OKDHPHead', num_branches=3)),
     'parts of OKDHPHead are only for its own training'),
    (dict(base=dict(base(kind='heatmap'), decoder=None)), 'HeatmapHead with NoneType as decoder given'),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        IGPGCNHead(**{**dict(base=base(), in_channels=CHANNELS, skeleton=[[0, 1]]), **kwargs})


@pytest.mark.parametrize('kwargs, message', [
    (dict(in_indices=(-1, -2, -4)), r'in_indices\[2\]=-4 given, but the backbone or neck returns 3 maps'),
    (dict(in_indices=(-1, -1, -2)), r'set in_channels\[1\]=16'),
    (dict(pools=(1, 9, 1)), r'pools\[1\]=9 given, but feats\[-2\] has the shape \(2, 8, 12, 8\)'),
])
def test_maps_that_do_not_fit_are_named(kwargs, message):
    model = IGPGCNHead(base(), CHANNELS, [[0, 1]], **kwargs)
    with pytest.raises(ConfigError, match=message):
        model(feats())


def test_registered():
    assert MODELS.get('IGPGCNHead') is IGPGCNHead
