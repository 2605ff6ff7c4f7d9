import numpy as np
import pytest
import torch
from mmpose.registry import KEYPOINT_CODECS

from mmpose_kd.deploy.decode import decoder_of
from mmpose_kd.errors import ConfigError

SIZES = dict(input_size=(48, 64), heatmap_size=(12, 16), sigma=2.)
CODECS = dict(
    simcc=dict(type='SimCCLabel', input_size=(48, 64), sigma=3., simcc_split_ratio=2.),
    simdr=dict(type='SimDRLabel', input_size=(48, 64), sigma=(2., 3.), simcc_split_ratio=2.),
    msra=dict(type='MSRAHeatmap', **SIZES),
    dark=dict(type='MSRAHeatmap', unbiased=True, **SIZES),
    udp=dict(type='UDPHeatmap', **SIZES))


def outputs_of(name):
    """A head's outputs: noise with a Gaussian, at the border too, and joints of which nothing is seen."""
    rng = np.random.default_rng(0)
    lengths = (96, 128) if name in ('simcc', 'simdr') else (12, 16)
    axes = []
    for length in lengths:
        centre = np.concatenate([rng.uniform(0, length, (3, 7)), np.tile([0., 1., 2., length - 2, length - 1], (3, 1))],
                                axis=1)
        axes.append(np.exp(-(np.arange(length) - centre[..., None])**2 / (2 * 2.**2)))
    if len(axes[0][0, 0]) == 96:
        outputs = [(axis * 5 + rng.normal(size=axis.shape) * 0.1 + 0.5).astype(np.float32) for axis in axes]
        outputs[0][1, 2] = -outputs[0][1, 2]
        return outputs
    maps = (axes[0][:, :, None, :] * axes[1][..., None] + rng.uniform(0, 0.02, (3, 12, 16, 12))).astype(np.float32)
    return [maps]


@pytest.mark.parametrize('name', CODECS)
def test_the_same_keypoints_and_scores_as_the_codec(name):
    codec, outputs = KEYPOINT_CODECS.build(CODECS[name]), outputs_of(name)
    decode = decoder_of(codec)
    tensors = [torch.from_numpy(output.copy()) for output in outputs]
    keypoints, scores = decode(tensors if len(tensors) == 2 else tensors[0])
    for i in range(3):
        expected, expected_scores = codec.decode(*(output[i].copy() for output in outputs))
        np.testing.assert_allclose(keypoints[i], expected[0], atol=1e-3)
        np.testing.assert_allclose(scores[i], np.ravel(expected_scores), atol=1e-5)


@pytest.mark.parametrize('name', ['msra', 'dark', 'udp'])
def test_a_heatmap_without_a_positive_value_is_put_outside(name):
    maps = torch.full((1, 1, 16, 12), -1.)
    keypoints, _ = decoder_of(KEYPOINT_CODECS.build(CODECS[name]))(maps)
    assert (keypoints < 0).all()


@pytest.mark.parametrize('codec', [
    dict(CODECS['simcc'], use_dark=True),
    dict(CODECS['udp'], heatmap_type='combined'),
    dict(type='RegressionLabel', input_size=(48, 64)),
], ids=lambda codec: codec['type'])
def test_other_decodings_are_refused_by_name(codec):
    with pytest.raises(ConfigError, match=f'{codec["type"]} cannot be decoded inside the graph.*--onnx raw'):
        decoder_of(KEYPOINT_CODECS.build(codec))
