import numpy as np
import pytest
from mmpose.codecs import SimCCLabel
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs
from mmpose.registry import KEYPOINT_CODECS

from mmpose_kd.codecs import SimDRLabel
from mmpose_kd.errors import ConfigError


def codec(**kwargs):
    return KEYPOINT_CODECS.build({'type': 'SimDRLabel', 'input_size': (48, 64), 'sigma': 3., **kwargs})


def stock(**kwargs):
    return SimCCLabel(**{'input_size': (48, 64), 'sigma': 3., **kwargs})


def random_logits(seed=0, shift=0.):
    rng = np.random.RandomState(seed)
    return tuple((rng.randn(2, 17, w) + shift).astype(np.float32) for w in (96, 128))


# Encoding


def test_bins_are_input_pixels_times_split_ratio_rounded():
    encoded = codec(simcc_split_ratio=2.).encode(np.array([[[10.3, 20.], [4.9, 63.]]]))
    np.testing.assert_array_equal(encoded['keypoint_bins'], [[[21, 40], [10, 126]]])


@pytest.mark.parametrize('ratio', [1., 2., 3.])
@pytest.mark.parametrize('sigma', [1., 4., (2.5, 6.)])
def test_weights_are_those_of_simcc(ratio, sigma):
    rng = np.random.RandomState(0)
    keypoints, visible = rng.uniform(-20, 80, (50, 17, 2)), rng.randint(0, 2, (50, 17)).astype(np.float32)
    settings = dict(simcc_split_ratio=ratio, sigma=sigma)
    expected = stock(**settings).encode(keypoints, visible)['keypoint_weights']
    assert 0.1 < expected.mean() < 0.4  # of the visible half, some are out of range
    np.testing.assert_array_equal(codec(**settings).encode(keypoints, visible)['keypoint_weights'], expected)


@pytest.mark.parametrize('x, weight', [(-8, 0), (-7, 1), (0, 1), (63, 1), (69, 1), (70, 0)])
def test_joint_counts_while_a_bin_is_within_three_sigma(x, weight):
    # 64 bins, sigma 2: stock lets 7 bins on the left and 6 on the right
    encoder = SimDRLabel(input_size=(32, 32), sigma=2., simcc_split_ratio=2.)
    assert encoder.encode(np.array([[[x / 2, 16.]]]))['keypoint_weights'][0, 0] == weight


def test_joint_without_label_has_neither_weight_nor_position():
    encoded = codec().encode(np.full((1, 3, 2), 10.), np.array([[1., 0.4, 0.7]], dtype=np.float32))
    np.testing.assert_array_equal(encoded['keypoint_weights'], np.array([[1, 0, 0.7]], dtype=np.float32))
    np.testing.assert_array_equal(encoded['keypoint_bins'], [[[20, 20], [0, 0], [20, 20]]])


def test_unknown_position_has_no_weight():
    encoded = codec().encode(np.array([[[np.nan, 3.]]]))
    assert encoded['keypoint_weights'].item() == 0
    assert not np.isnan(encoded['keypoint_bins']).any()


def test_stock_pipeline_packs_a_few_hundred_bytes():
    results = dict(img=np.zeros((64, 48, 3), np.uint8), keypoints=np.full((1, 17, 2), 7.))
    results['keypoints_visible'] = np.ones((1, 17), np.float32)
    encoded = GenerateTarget(encoder=dict(type='SimDRLabel', input_size=(48, 64)))(results)
    labels = PackPoseInputs()(encoded)['data_samples'].gt_instance_labels
    assert set(labels.keys()) == {'keypoint_bins', 'keypoint_weights'}
    assert labels.keypoint_bins.shape == (1, 17, 2) and (labels.keypoint_bins == 14).all()
    assert sum(v.numel() * v.element_size() for v in labels.values()) == 17 * 3 * 4


# Decoding


@pytest.mark.parametrize('shift', [0., -2.5, -9.], ids=['positive', 'mixed', 'negative'])
def test_keypoints_are_those_of_simcc_bit_for_bit(shift):
    logits = random_logits(shift=shift)
    np.testing.assert_array_equal(codec().decode(*logits)[0], stock().decode(*logits)[0])


def test_one_person_without_a_batch_dimension():
    x, y = random_logits()
    keypoints, scores = codec().decode(x[0], y[0])
    assert keypoints.shape == (1, 17, 2) and scores.shape == (1, 17)
    np.testing.assert_array_equal(scores[0], codec().decode(x, y)[1][0])


def test_decoding_returns_the_nearest_bin_of_what_was_encoded():
    keypoints = np.random.RandomState(0).uniform(2, 46, (4, 17, 2))
    labels = stock().encode(keypoints)
    decoded, _ = codec().decode(labels['keypoint_x_labels'], labels['keypoint_y_labels'])
    assert np.abs(decoded - keypoints).max() <= 0.25


def test_score_is_the_probability_within_three_sigma_on_the_worse_axis():
    x, y = random_logits()
    _, scores = codec(sigma=(2., 4.)).decode(x, y)
    for n in range(2):
        for k in range(17):
            axes = []
            for row, radius in ((x[n, k], 6), (y[n, k], 12)):
                p = np.exp(row.astype(np.float64))
                best = int(np.argmax(row))
                axes.append(p[max(best - radius, 0):best + radius + 1].sum() / p.sum())
            assert scores[n, k] == pytest.approx(min(axes), rel=1e-5)


def test_prediction_equal_to_its_label_scores_nearly_one():
    positions = np.arange(384)
    row = -0.5 * ((positions - 200) / 6)**2 + 10
    _, scores = SimDRLabel(input_size=(192, 192), sigma=6.).decode(row[None], row[None])
    assert 0.99 < scores.item() <= 1
    assert 1 / np.exp(row - row.max()).sum() < 0.2  # the largest probability alone is below CocoMetric's threshold


def test_score_does_not_change_with_the_level_of_the_logits():
    x, y = random_logits()
    np.testing.assert_allclose(codec().decode(x + 5, y + 1)[1], codec().decode(x, y)[1], rtol=1e-5)


def test_joint_that_simcc_does_not_locate_scores_zero():
    keypoints, scores = codec().decode(*random_logits(shift=-9.))
    assert (keypoints == -0.5).all() and not scores.any()


@pytest.mark.parametrize('arguments, message', [
    (dict(sigma=0.), 'sigma=0.0'),
    (dict(sigma=float('inf')), 'sigma=inf'),
    (dict(input_size=(0, 64)), 'expected whole positive numbers'),
    (dict(sigma=(1., 2., 3.)), r'sigma=\(1.0, 2.0, 3.0\)'),
    (dict(simcc_split_ratio=0.), 'simcc_split_ratio=0.0'),
    (dict(simcc_split_ratio=2.3, input_size=(100, 200)), r'of which the head would make \(229, 459\)'),
    (dict(simcc_split_ratio=1.3), r'simcc_split_ratio=1.3 gives .* bins for the input size \(48, 64\)'),
])
def test_bad_arguments_are_errors(arguments, message):
    with pytest.raises(ConfigError, match=message):
        codec(**arguments)
