import pytest
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError, build, check_arguments, did_you_mean, is_count, make_folder


class Base:

    def __init__(self, weight=1.0, *, scale):
        self.weight, self.scale = weight, scale


class Passes(Base):

    def __init__(self, taps, **kwargs):
        super().__init__(**kwargs)
        self.taps = taps


def test_closest_names_are_offered():
    assert did_you_mean('backbone.layr2', ['head', 'backbone.layer2']) == " Did you mean 'backbone.layer2'?"
    assert did_you_mean('zzz', ['head']) == ''


@pytest.mark.parametrize('value, expected', [(1, True), (0, False), (-1, False), (1.0, False), (True, False),
                                             ('1', False), (None, False)])
def test_a_count_is_a_whole_number_above_0(value, expected):
    assert is_count(value) is expected


def test_arguments_of_bases_count_where_kwargs_are_passed_on():
    check_arguments(Passes, dict(taps=1, scale=2, weight=3), 'here')
    with pytest.raises(ConfigError, match=r"here: Passes has no argument \"wieght\". Did you mean 'weight'"):
        check_arguments(Passes, dict(taps=1, scale=2, wieght=3), 'here')


def test_missing_argument_is_named():
    with pytest.raises(ConfigError, match='here: Passes needs the argument "scale"'):
        check_arguments(Passes, dict(taps=1), 'here')


def test_hidden_argument_is_refused():
    with pytest.raises(ConfigError, match='no argument "taps"'):
        check_arguments(Passes, dict(taps=1, scale=1), 'here', hidden=['taps'])


@pytest.mark.parametrize('cfg', [None, 'ResNet', {}, dict(depth=18)])
def test_config_without_a_type_is_refused(cfg):
    with pytest.raises(ConfigError, match='model.x: expected a dict with a "type"'):
        build(MODELS, cfg, 'model.x')


def test_unknown_type_names_the_closest():
    with pytest.raises(ConfigError, match="model.x: type \"ResNett\" is not registered.*'ResNet'"):
        build(MODELS, dict(type='ResNett'), 'model.x')


def test_a_given_argument_wins_over_a_default():
    part = build(MODELS, dict(type=Passes, taps=1, scale=5), 'x', scale=2, weight=3)
    assert (part.taps, part.scale, part.weight) == (1, 5, 3)


def test_an_error_inside_a_part_names_its_place():
    with pytest.raises(ConfigError, match=r"model\.x: ConvAligner cannot be built from in_channels='a', .*: TypeError"):
        build(MODELS, dict(type='ConvAligner', in_channels='a', out_channels=3), 'model.x')


def test_the_mark_of_a_config_inherited_from_another_package_is_no_argument():
    check_arguments(Base, dict(scale=1, _scope_='mmpose'), 'here')
    assert type(build(MODELS, dict(type='SimDRKLLoss', _scope_='mmpose'), 'here')).__name__ == 'SimDRKLLoss'


def test_a_part_from_another_packages_config_is_that_packages():
    """MMDetection's ResNet, and within it MMDetection's parts; MMPose has one of the same name."""
    pytest.importorskip('mmdet', reason='MMDetection is not installed')
    part = build(MODELS, dict(type='ResNet', _scope_='mmdet', depth=18), 'here')
    assert type(part).__module__ == 'mmdet.models.backbones.resnet'
    with pytest.raises(ConfigError, match='here: type "HeatmapHead" is not registered in mmdet'):
        build(MODELS, dict(type='HeatmapHead', _scope_='mmdet'), 'here')


def test_a_folder_is_made_with_its_parents(tmp_path):
    assert make_folder(tmp_path / 'a/b') == tmp_path / 'a/b'
    assert make_folder(str(tmp_path / 'a/b')).is_dir()  # nor does one that exists matter


def test_a_folder_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match=r'file.a" cannot be made: Not a directory. Give another with --work-dir\.'):
        make_folder(tmp_path / 'file/a', '--work-dir')
