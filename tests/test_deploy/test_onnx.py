import sys

import numpy as np
import pytest
import tiny
import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS

from mmpose_kd.deploy.decode import decoder_of
from mmpose_kd.deploy.onnx import DeployedPose, run_onnx, write_int8, write_onnx
from mmpose_kd.errors import ConfigError

pytest.importorskip('onnxruntime', reason='the extra "export" is not installed')
onnx = pytest.importorskip('onnx', reason='the extra "export" is not installed')
SIZE = (64, 64)


def refined():
    """A SimCC student whose pose an IGP-GCN head refines."""
    model = tiny.pose_model()
    return dict(model, backbone=dict(model['backbone'], out_indices=(1, 2, 3)), head=dict(
        type='IGPGCNHead', base=model['head'], in_channels=(32, 16, 8), skeleton=[[5, 7], [7, 9]]))


def refined_udp():
    """The same on heatmaps whose last cell is the last pixel, but decoded as the size of the input."""
    model = refined()
    base = tiny.pose_model(head='heatmap')['head']
    codec = dict(type='UDPHeatmap', input_size=SIZE, heatmap_size=(16, 16), sigma=2.0)
    return dict(model, head=dict(model['head'], base=dict(base, decoder=codec)))


def pooled():
    """LiteHRNet pools its branches to the size of the smallest one."""
    model = tiny.pose_model()
    stages = dict(num_stages=1, num_modules=(1, ), num_branches=(2, ), num_blocks=(1, ), module_type=('LITE', ),
                  with_fuse=(True, ), reduce_ratios=(8, ), num_channels=((8, 16), ))
    return dict(
        model,
        backbone=dict(type='LiteHRNet', in_channels=3, extra=dict(
            stem=dict(stem_channels=8, out_channels=8, expand_ratio=1), num_stages=1, stages_spec=stages,
            with_head=True)),
        head=dict(model['head'], in_channels=8, in_featuremap_size=(16, 16)))


MODELS_TO_EXPORT = dict(
    simcc=lambda: tiny.pose_model(), heatmap=lambda: tiny.pose_model(head='heatmap'), refined=refined,
    refined_udp=refined_udp, pooled=pooled)


def student(name='simcc'):
    torch.manual_seed(0)
    model = tiny.build(MODELS_TO_EXPORT[name]()).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.
    with torch.no_grad():  # statistics of the inputs, so that all joints are seen
        model.train()(torch.rand(8, 3, 64, 64), None, mode='tensor')
    return model.eval()


@pytest.mark.parametrize('name', MODELS_TO_EXPORT)
def test_the_graph_gives_the_models_keypoints_at_every_batch_size(name, tmp_path):
    model = student(name)
    assert write_onnx(model, SIZE, tmp_path / 'model.onnx') == ('keypoints', 'scores')
    batches = [torch.rand(n, 3, 64, 64).numpy() for n in (1, 5)]
    for n, outputs in zip((1, 5), run_onnx(tmp_path / 'model.onnx', batches)):
        assert outputs['keypoints'].shape == (n, 17, 2) and outputs['scores'].shape == (n, 17)
    images = torch.rand(4, 3, 64, 64)
    outputs, = run_onnx(tmp_path / 'model.onnx', [images.numpy()])
    with torch.no_grad():
        expected = model.head.predict(model.extract_feat(images), [], dict(flip_test=False))
    for i, instance in enumerate(expected):
        np.testing.assert_allclose(outputs['keypoints'][i], instance.keypoints[0], atol=0.01)
        np.testing.assert_allclose(outputs['scores'][i], instance.keypoint_scores[0], atol=1e-3)


def test_only_the_batch_is_dynamic(tmp_path):
    write_onnx(student('refined'), SIZE, tmp_path / 'model.onnx')
    graph = onnx.load(str(tmp_path / 'model.onnx')).graph
    sizes = {value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
             for value in (*graph.input, *graph.output)}
    assert sizes == dict(images=['batch', 3, 64, 64], keypoints=['batch', 17, 2], scores=['batch', 17])


@pytest.mark.parametrize('name, names', [('simcc', ('simcc_x', 'simcc_y')), ('heatmap', ('outputs', ))])
def test_raw_outputs_are_those_of_the_head(name, names, tmp_path):
    model = student(name)
    assert write_onnx(model, SIZE, tmp_path / 'model.onnx', 'raw') == names
    images = torch.rand(3, 3, 64, 64)
    outputs, = run_onnx(tmp_path / 'model.onnx', [images.numpy()])
    with torch.no_grad():
        expected = model(images, None, mode='tensor')
    for got, tensor in zip(outputs.values(), expected if isinstance(expected, tuple) else [expected]):
        np.testing.assert_allclose(got, tensor, atol=1e-4)


def test_a_refined_pose_has_no_raw_outputs():
    with pytest.raises(ConfigError, match='IGPGCNHead refines keypoints inside the graph.*--onnx keypoints'):
        DeployedPose(student('refined'), 'raw')


def test_pytorchs_pooling_is_as_before_after_an_export(tmp_path):
    before = torch.nn.functional.adaptive_avg_pool2d
    write_onnx(student(), SIZE, tmp_path / 'model.onnx')
    assert torch.nn.functional.adaptive_avg_pool2d is before


def test_an_operator_that_onnx_lacks_is_named(tmp_path):
    @MODELS.register_module(force=True)
    class SpectralHead(MODELS.get('HeatmapHead')):

        def forward(self, feats):
            return torch.special.i1(super().forward(feats))

    model = tiny.pose_model(head='heatmap')
    model = tiny.build(dict(model, head=dict(model['head'], type='SpectralHead')))
    with pytest.raises(ConfigError, match='ResNet with SpectralHead cannot be exported to ONNX: .*i1.*--onnx none'):
        write_onnx(model, SIZE, tmp_path / 'model.onnx')


def test_a_graph_made_for_one_batch_size_is_refused(tmp_path):
    @MODELS.register_module(force=True)
    class RigidHead(MODELS.get('HeatmapHead')):

        def forward(self, feats):
            heatmaps = super().forward(feats)
            return heatmaps.reshape(int(heatmaps.shape[0]), *heatmaps.shape[1:])

    model = tiny.pose_model(head='heatmap')
    write_onnx(tiny.build(dict(model, head=dict(model['head'], type='RigidHead'))), SIZE, tmp_path / 'model.onnx')
    with pytest.raises(ConfigError, match='cannot run the exported graph: .*depend on the number of images'):
        list(run_onnx(tmp_path / 'model.onnx', [np.zeros((3, 3, 64, 64), dtype=np.float32)]))


def test_int8_decodes_in_float(tmp_path):
    model = student('heatmap')
    model.head.decoder = KEYPOINT_CODECS.build(
        dict(type='UDPHeatmap', input_size=SIZE, heatmap_size=(16, 16), sigma=2.))
    images = [torch.rand(1, 3, 64, 64).numpy() for _ in range(8)]
    found = {}
    for kind in ('raw', 'keypoints'):
        write_onnx(model, SIZE, tmp_path / f'{kind}.onnx', kind)
        write_int8(tmp_path / f'{kind}.onnx', tmp_path / f'{kind}_int8.onnx', images)
        found[kind] = [outputs for outputs in run_onnx(tmp_path / f'{kind}_int8.onnx', images)]
    decode = decoder_of(model.head.decoder)
    differences = np.array([decoded['keypoints'] - decode(torch.from_numpy(raw['outputs']))[0].numpy()
                            for raw, decoded in zip(found['raw'], found['keypoints'])])
    assert (np.abs(differences) < 0.01).mean() > 0.9  # where a map is nearly flat rounding alone moves it by more


def test_int8_is_close_to_float_and_smaller(tmp_path):
    model = student('heatmap')
    images = [torch.rand(1, 3, 64, 64).numpy() for _ in range(8)]
    write_onnx(model, SIZE, tmp_path / 'model.onnx', 'raw')
    write_int8(tmp_path / 'model.onnx', tmp_path / 'int8.onnx', images)
    sizes = [(tmp_path / name).stat().st_size for name in ('model.onnx', 'int8.onnx')]
    assert sizes[1] < 0.8 * sizes[0]
    floats, ints = ([o['outputs'] for o in run_onnx(tmp_path / name, images)] for name in ('model.onnx', 'int8.onnx'))
    error = np.abs(np.array(floats) - np.array(ints)).mean() / np.array(floats).std()
    assert 0 < error < 0.2
    assert sorted(p.name for p in tmp_path.iterdir()) == ['int8.onnx', 'model.onnx']


def test_without_the_package_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ConfigError, match=r'"onnx".*mmpose_kd\[export\].*--onnx none'):
        write_onnx(student(), SIZE, tmp_path / 'model.onnx')


def test_a_simdr_codec_is_decoded_with_its_own_scores(tmp_path):
    model = student()
    model.head.decoder = KEYPOINT_CODECS.build(
        dict(type='SimDRLabel', input_size=(64, 64), sigma=4., simcc_split_ratio=2.))
    write_onnx(model, SIZE, tmp_path / 'model.onnx')
    images = torch.rand(2, 3, 64, 64)
    outputs, = run_onnx(tmp_path / 'model.onnx', [images.numpy()])
    with torch.no_grad():
        expected = model.head.decode(model(images, None, mode='tensor'))
    np.testing.assert_allclose(outputs['scores'], [e.keypoint_scores[0] for e in expected], atol=1e-4)
