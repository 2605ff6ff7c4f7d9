import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.registry import init_default_scope
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import DATASETS, TRANSFORMS

from mmpose_kd.errors import ConfigError

PEOPLE = dict(type='SyntheticPoseDataset', num_samples=2, pipeline=[])


def dataset(num_views=3, seed=0, samples=4, **kwargs):
    init_default_scope('mmpose')
    pipeline = [
        dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip'),
        dict(type='RandomBBoxTransform'), dict(type='TopdownAffine', input_size=(64, 64)),
        dict(type='PackPoseInputs')]
    people = dict(type='SyntheticPoseDataset', num_samples=samples, seed=1, pipeline=pipeline, **kwargs)
    return DATASETS.build(dict(type='ViewDataset', dataset=people, num_views=num_views, seed=seed))


def same(a, b):
    return bool((a['inputs'] == b['inputs']).all())


def test_a_view_can_be_made_again_whatever_happened_between():
    data = dataset()
    before = data.view(2, 1)
    np.random.rand(7)
    assert same(data.view(2, 1), before)


def test_views_samples_and_seeds_differ():
    data = dataset()
    assert not same(data.view(2, 1), data.view(2, 0))
    assert not same(data.view(2, 1), data.view(1, 1))
    assert not same(data.view(2, 1), dataset(seed=1).view(2, 1))


def test_an_item_is_one_of_the_views_and_says_which():
    data = dataset()
    np.random.seed(0)
    numbers = set()
    for _ in range(30):
        sample = data[1]
        view, index = divmod(sample['data_samples'].metainfo['view'], len(data))
        assert index == 1 and same(sample, data.view(1, view))
        numbers.add(view)
    assert numbers == {0, 1, 2}


def test_the_random_state_goes_on_as_if_no_view_had_been_made():
    data = dataset()

    def numbers(between):
        np.random.seed(3)
        np.random.randn()  # draws two, and keeps one for the next call
        between()
        return np.random.randn(3).tolist() + np.random.randint(9, size=999).tolist()

    assert numbers(lambda: data.view(0, 0)) == numbers(lambda: None)


@TRANSFORMS.register_module()
class OwnGenerator(BaseTransform):
    """Draws from PyTorch's random numbers, or from some that nobody else knows."""

    def __init__(self, torch_generator=True):
        self.own = np.random.default_rng(0)
        self.torch_generator = torch_generator

    def transform(self, results):
        number = torch.randint(9999, ()).item() if self.torch_generator else self.own.integers(9999)
        results['img'] = np.full_like(results['img'], number % 251)
        return results


def drawing(**kwargs):
    pipeline = [dict(type='LoadImage'), dict(type='OwnGenerator', **kwargs), dict(type='PackPoseInputs')]
    people = dict(type='SyntheticPoseDataset', num_samples=2, pipeline=pipeline)
    return DATASETS.build(dict(type='ViewDataset', dataset=people, num_views=2))


def test_pytorchs_random_numbers_are_those_of_the_view_too():
    data = drawing()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert same(data.view(0, 0), data.view(0, 0)) and not same(data.view(0, 0), data.view(0, 1))
    assert torch.equal(torch.rand(2), expected)


def test_views_that_cannot_be_made_again_are_refused():
    dataset().check_repeatable()
    drawing().check_repeatable()
    with pytest.raises(ConfigError, match='view 0 of sample 0 is another image each time.*as Albumentation'):
        drawing(torch_generator=False).check_repeatable()


def test_views_that_only_sometimes_cannot_be_made_again_are_refused():
    seldom = dict(type='RandomApply', prob=0.3, transforms=[dict(type='OwnGenerator', torch_generator=False)])
    people = dict(PEOPLE, pipeline=[dict(type='LoadImage'), seldom, dict(type='PackPoseInputs')])
    data = DATASETS.build(dict(type='ViewDataset', dataset=people, num_views=4))
    assert all(same(data.view(index, 0), data.view(index, 0)) for index in range(2))
    with pytest.raises(ConfigError, match='view 1 of sample 1 is another image each time'):
        data.check_repeatable()


@pytest.mark.parametrize('changes', [
    dict(num_views=4), dict(seed=1), dict(samples=5), dict(variety=0.3)], ids=lambda c: next(iter(c)))
def test_the_fingerprint_changes_with_whatever_changes_a_view(changes):
    assert dataset().fingerprint() == dataset().fingerprint()
    assert dataset(**changes).fingerprint() != dataset().fingerprint()


SIMDR = dict(type='SimDRLabel', input_size=(64, 64))
HEATMAP = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1)


@pytest.mark.parametrize('wrap', [
    lambda part: part, lambda part: dict(type='mmengine.RepeatDataset', times=2, dataset=part)],
                         ids=['alone', 'RepeatDataset'])
@pytest.mark.parametrize('target', [
    dict(type='GenerateTarget', encoder=HEATMAP), dict(type='mmpose.GenerateTarget', encoder=SIMDR),
    dict(type=GenerateTarget, encoder=HEATMAP)], ids=['name', 'scope', 'class'])
def test_labels_do_not_change_the_fingerprint(wrap, target):
    init_default_scope('mmpose')

    def fingerprint(*steps):
        people = dict(PEOPLE, pipeline=[dict(type='LoadImage'), *steps, dict(type='PackPoseInputs')])
        return DATASETS.build(dict(type='ViewDataset', num_views=2, dataset=wrap(people))).fingerprint()

    assert fingerprint(target) == fingerprint(dict(type='GenerateTarget', encoder=SIMDR))
    assert fingerprint(target, dict(type='RandomFlip')) != fingerprint(target)


def test_annotations_are_told_by_the_checksum_of_their_file(tmp_path):
    data = dataset()
    assert data.fingerprint()['annotations'] == ''
    (tmp_path / 'people.json').write_text('123456789')
    data.dataset.ann_file = str(tmp_path / 'people.json')
    assert data.fingerprint()['annotations'] == 'cbf43926'  # the check value of CRC-32


@pytest.mark.parametrize('wrapper', [
    dict(type='CombinedDataset', metainfo=dict(from_file='configs/_base_/datasets/coco.py'), datasets=[PEOPLE, PEOPLE]),
    dict(type='mmengine.RepeatDataset', times=2, dataset=PEOPLE)], ids=lambda wrapper: wrapper['type'])
def test_annotations_of_every_part_count(wrapper, tmp_path):
    init_default_scope('mmpose')
    data = DATASETS.build(dict(type='ViewDataset', dataset=wrapper, num_views=2))
    parts = getattr(data.dataset, 'datasets', None) or [data.dataset.dataset]
    for i, part in enumerate(parts):
        part.ann_file = str(tmp_path / f'{i}.json')
        (tmp_path / f'{i}.json').write_text('123456789')
    assert data.fingerprint()['annotations'] == ' '.join(['cbf43926'] * len(parts))
    (tmp_path / f'{len(parts) - 1}.json').write_text('edited')
    assert data.fingerprint()['annotations'].split()[-1] != 'cbf43926'


@pytest.mark.parametrize('seed', [-1, 1.5, None, 'a'])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ConfigError, match=f'seed={seed!r}: expected a whole number of at least 0'):
        dataset(seed=seed)


@pytest.mark.parametrize('num_views', [0, 1.5, True])
def test_a_number_of_views_that_is_none_is_refused(num_views):
    with pytest.raises(ConfigError, match=f'num_views={num_views}: expected a whole number'):
        dataset(num_views)


@pytest.mark.parametrize('wrap', [
    lambda part: dict(type='CombinedDataset', metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
                      datasets=[part, PEOPLE]),
    lambda part: dict(type='mmengine.RepeatDataset', times=2, dataset=part)], ids=['CombinedDataset', 'RepeatDataset'])
def test_the_folder_of_a_part_may_move(wrap):
    init_default_scope('mmpose')
    data = DATASETS.build(dict(type='ViewDataset', num_views=2, dataset=wrap(PEOPLE)))
    prints = []
    for change in (dict(data_root='/here'), dict(data_root='/there'), dict(data_root='/here', ann_file='other.json')):
        data.cfg = wrap(dict(PEOPLE, **change))
        prints.append(data.fingerprint())
    assert prints[0] == prints[1] != prints[2]
