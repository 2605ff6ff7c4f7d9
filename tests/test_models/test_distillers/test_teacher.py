import copy
import shutil

import numpy as np
import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.utils import digit_version
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn
from torch._dynamo.utils import counters
from torch._inductor import config as inductor

from mmpose_kd.config import load_config
from mmpose_kd.errors import ConfigError
from mmpose_kd.keypoints import dataset_meta, keypoint_names, map_keypoints, parse_metainfo
from mmpose_kd.models.distillers.alignment import Resize, renormalise, resample, same_images
from mmpose_kd.models.distillers.teacher import Teacher
from mmpose_kd.models.distillers.teacher_config import check_teacher
from mmpose_kd.models.outputs import is_udp
from mmpose_kd.models.taps import Record
from mmpose_kd.parts import check_packages

needs_compiler = pytest.mark.skipif(
    not shutil.which('g++') or digit_version(torch.__version__) < digit_version('2.2'),
    reason='torch.compile needs a C++ compiler, and leaves out hooks in PyTorch 2.1')
COCO = dict(from_file='configs/_base_/datasets/coco.py')
WHOLEBODY = dict(from_file='configs/_base_/datasets/coco_wholebody.py')


def make_teacher(student, **kwargs):
    """A teacher with random weights that has seen the student's keypoints; and a batch of the student's."""
    teacher = Teacher(**dict(dict(config=tiny.pose_model(8), allow_random_weights=True), **kwargs))
    return teacher, tiny.batch(student)


@pytest.fixture
def student():
    return tiny.build(tiny.pose_model()).eval()


@pytest.fixture
def saved(tmp_path):
    """A teacher's config file and checkpoint."""
    model = tiny.build(tiny.pose_model(8))
    Config(dict(model=tiny.pose_model(8))).dump(str(tmp_path / 'teacher.py'))
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=1)), tmp_path / 'teacher.pth')
    return tmp_path, model


def test_outputs_equal_the_plain_model(student, saved):
    folder, model = saved
    teacher = Teacher('teacher.py', 'teacher.pth', folder=str(folder))
    data = tiny.batch(student)
    expected = model.eval()(data['inputs'], None, mode='tensor')
    got = teacher.answer(data['inputs'], student.data_preprocessor).outputs
    torch.testing.assert_close(got, expected)


def test_taps_and_feats_are_recorded(student):
    teacher, data = make_teacher(student, taps=['backbone.layer2'])
    record = teacher.answer(data['inputs'], student.data_preprocessor)
    assert record['backbone.layer2'].shape == (2, 16, 8, 8)
    assert record['feats[-1]'].shape == (2, 64, 2, 2)
    assert not record['backbone.layer2'].requires_grad


def test_bf16_is_close_to_float32_and_returned_as_float32(student):
    data = tiny.batch(student)
    model = tiny.pose_model(8)
    teachers = {}
    for precision in ('fp32', 'bf16'):
        torch.manual_seed(0)
        teachers[precision] = Teacher(model, allow_random_weights=True, precision=precision, channels_last=True)
    low, full = (teachers[p].answer(data['inputs'], student.data_preprocessor) for p in ('bf16', 'fp32'))
    assert low.outputs[0].dtype == low.feats[-1].dtype == torch.float32
    error = (low.feats[-1] - full.feats[-1]).norm() / full.feats[-1].norm()
    assert 0 < error < 0.03
    assert next(teachers['bf16'].model.backbone.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize('precision, emulated, times', [('bf16', True, 1), ('bf16', False, 0), ('fp32', True, 0)])
def test_a_processor_without_its_precision_is_told_once(student, monkeypatch, precision, emulated, times):
    said = []
    monkeypatch.setattr('mmpose_kd.machine.torch.ops.mkldnn._is_mkldnn_bf16_supported', lambda: not emulated)
    monkeypatch.setattr('mmpose_kd.models.distillers.teacher.print_log', lambda text, *args: said.append(text))
    teacher, data = make_teacher(student, precision=precision)
    for _ in range(2):
        teacher.answer(data['inputs'], student.data_preprocessor)
    assert len([text for text in said if 'Set teacher.precision="fp32"' in text]) == times


@needs_compiler
def test_compiled_it_answers_the_same_taps_too(student):
    taps = ['backbone.layer2', 'backbone.layer4.0.conv1']
    torch.manual_seed(0)
    plain, data = make_teacher(student, taps=taps)
    torch.manual_seed(0)
    fast, _ = make_teacher(student, taps=taps, compile=True)
    counters.clear()
    for inputs in (data['inputs'], data['inputs'].flip(0)):
        expected, got = (teacher.answer(inputs, student.data_preprocessor) for teacher in (plain, fast))
        torch.testing.assert_close(got.outputs, expected.outputs)
        torch.testing.assert_close(got.taps, expected.taps)
    assert counters['stats']['unique_graphs'] == 1


@needs_compiler
def test_compiled_teachers_of_a_kind_record_their_own_taps(student):
    for path in ('backbone.layer2', 'backbone.layer2', 'backbone.layer3'):
        teacher, data = make_teacher(student, taps=[path], compile=True)
        assert list(teacher.answer(data['inputs'], student.data_preprocessor).taps) == [path]


@needs_compiler
def test_compiled_it_predicts_without_recording(student):
    torch.manual_seed(0)
    plain, data = make_teacher(student, taps=['backbone.layer2'])
    torch.manual_seed(0)
    fast, _ = make_teacher(student, taps=['backbone.layer2'], compile=True)
    fast.answer(data['inputs'], student.data_preprocessor)
    expected, got = (teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor)
                     for teacher in (plain, fast))
    np.testing.assert_array_equal(got[0].keypoints, expected[0].keypoints)


def test_no_compiler_is_said(student, monkeypatch):
    monkeypatch.setattr(inductor.cpp, 'cxx', ('/no/such/compiler', ))
    teacher, data = make_teacher(student, compile=True)
    with pytest.raises(ConfigError, match='model.teacher: compile=True: PyTorch could not compile'):
        teacher.answer(data['inputs'], student.data_preprocessor)


def test_own_precision_wins_over_the_students_autocast(student):
    teacher, data = make_teacher(student)
    with torch.autocast('cpu', torch.bfloat16):
        low = teacher.answer(data['inputs'], student.data_preprocessor).outputs
    torch.testing.assert_close(low, teacher.answer(data['inputs'], student.data_preprocessor).outputs, rtol=0, atol=0)


@pytest.mark.parametrize('part', ['', 'head'])
def test_train_of_its_own_model_or_a_part_of_it_does_not_survive(student, part):
    teacher, data = make_teacher(student)
    before = copy.deepcopy(teacher.model.state_dict())
    teacher.model.get_submodule(part).train()
    teacher.answer(data['inputs'], student.data_preprocessor)
    after = teacher.model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert not any(module.training for module in teacher.model.modules())


def test_deepcopy_shares_it(student):
    teacher, _ = make_teacher(student)
    assert copy.deepcopy([teacher])[0] is teacher


def test_config_is_found_beside_the_students(saved):
    folder, _ = saved
    assert load_config('teacher.py', str(folder)).model.backbone.base_channels == 8


def test_config_is_found_in_the_home_folder(saved, monkeypatch):
    monkeypatch.setenv('HOME', str(saved[0]))
    assert load_config('~/teacher.py').model.backbone.base_channels == 8


def test_config_of_mmpose_is_found_by_name():
    folder = 'mmpose::body_2d_keypoint/topdown_heatmap/coco'
    cfg = load_config(f'{folder}/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py')
    assert cfg.model.backbone.type == 'HRNet'


def test_config_of_a_distilled_student_means_the_student():
    cfg = tiny.pose_model(8, teacher=dict(config='x'), objectives=dict(loss_kd=dict()))
    teacher = Teacher(dict(cfg, type='MultiKDDistiller'), allow_random_weights=True)
    assert type(teacher.model).__name__ == 'TopdownPoseEstimator'


@pytest.mark.parametrize('kwargs, message', [
    (dict(config='nowhere.py', allow_random_weights=True), 'nowhere.py" does not exist; tried'),
    (dict(config=3, allow_random_weights=True), 'config=3'),
    (dict(config='https://example.org/teacher.py', checkpoint='a.pth'), 'none is run from the network'),
    (dict(config='mmpose::nowhere/teacher.py', checkpoint='a.pth'), 'mmpose::nowhere/teacher.py" does not exist: '),
    (dict(config='mmpose::teacher.py', checkpoint='a.pth'), 'mmpose::teacher.py" cannot be read: ValueError'),
    (dict(config='nowhere::body/teacher.py', checkpoint='a.pth'), 'nowhere::body/teacher.py" cannot be read: Assert'),
    (dict(config=tiny.pose_model(), checkpoint=3), 'checkpoint=3: expected a path or a URL'),
    (dict(config=dict(backbone=1), allow_random_weights=True), 'holds no "model"'),
    (dict(config=tiny.pose_model()), 'no checkpoint is given'),
    (dict(config=tiny.pose_model(), checkpoint='a.pth', allow_random_weights=True), 'contradict'),
    (dict(config=tiny.pose_model(), allow_random_weights=True, precision='int8'), 'expected one of fp32, fp16, bf16'),
    (dict(config=tiny.pose_model(), allow_random_weights=True, taps=['backbone.layr2']), "Did you mean.*'backbone.l"),
    (dict(config=tiny.pose_model(), checkpoint='absent.pth'), 'absent.pth'),
])
def test_teacher_that_cannot_work_is_refused(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        Teacher(**kwargs)


@pytest.mark.parametrize('size', [256, 0, (256, ), (192, 256, 3), (192., 256), (0, 256), (True, 256), '192'])
def test_an_input_size_that_is_no_pair_of_whole_numbers_is_refused(size):
    with pytest.raises(ConfigError, match=r'^input_size=.*: expected width and height in pixels, such as \(192, 256\)'):
        check_teacher(tiny.pose_model(), 'a.pth', input_size=size)


@pytest.mark.parametrize('size', [None, (192, 256), [256, 192]])
def test_an_input_size_is_a_list_or_a_tuple(size):
    check_teacher(tiny.pose_model(), 'a.pth', input_size=size)


def test_checkpoint_of_another_width_names_both_shapes(saved):
    folder, _ = saved
    shapes = r'backbone.conv1.weight is \(8, 3, 7, 7\) in the checkpoint and \(4, 3, 7, 7\)'
    with pytest.raises(ConfigError, match=shapes):
        Teacher(tiny.pose_model(4), 'teacher.pth', folder=str(folder))


def test_checkpoint_of_another_head_names_missing_and_unexpected_keys(saved):
    folder, _ = saved
    keys = 'missing keys, first: head.deconv_layers.*unexpected keys, first: .*mlp_head_x'
    with pytest.raises(ConfigError, match=keys):
        Teacher(tiny.pose_model(8, head='heatmap'), 'teacher.pth', folder=str(folder))


def test_a_checkpoint_of_mmpose_before_version_1_fits(student, tmp_path):
    """Its head is called keypoint_head, all convolutions after the deconvolutions final_layer, and it may hold the
    preprocessor's numbers; half of the checkpoints of MMPose's model zoo are such."""
    cfg = tiny.pose_model(8, head='heatmap')
    cfg['head'].update(conv_out_channels=(8, ), conv_kernel_sizes=(3, ))
    model = tiny.build(cfg).eval()
    old = {name.replace('head.conv_layers.', 'head.final_layer.')
           .replace('head.final_layer.weight', 'head.final_layer.3.weight')
           .replace('head.final_layer.bias', 'head.final_layer.3.bias')
           .replace('head.', 'keypoint_head.'): value for name, value in model.state_dict().items()}
    assert {'keypoint_head.final_layer.0.weight', 'keypoint_head.final_layer.3.bias'} < set(old)
    old.update({'data_preprocessor.mean': torch.zeros(3, 1, 1), 'data_preprocessor.std': torch.ones(3, 1, 1)})
    torch.save(dict(state_dict=old), tmp_path / 'old.pth')
    teacher = Teacher(cfg, 'old.pth', folder=str(tmp_path))
    data = tiny.batch(student)
    expected = model(data['inputs'], None, mode='tensor')
    torch.testing.assert_close(teacher.answer(data['inputs'], student.data_preprocessor).outputs, expected)


def test_preprocessor_of_the_teacher_is_honoured(student):
    own = dict(type='PoseDataPreprocessor', mean=[10., 20., 30.], std=[5., 6., 7.])  # no channel swap
    teacher, _ = make_teacher(student, config=dict(tiny.pose_model(8), data_preprocessor=own))
    raw = torch.randint(0, 256, (1, 3, 8, 8)).float()
    images = renormalise(
        (raw[:, [2, 1, 0]] - student.data_preprocessor.mean) / student.data_preprocessor.std,
        student.data_preprocessor, teacher.model.data_preprocessor)
    expected = (raw - torch.tensor([10., 20., 30.]).view(3, 1, 1)) / torch.tensor([5., 6., 7.]).view(3, 1, 1)
    torch.testing.assert_close(images, expected, rtol=0, atol=1e-4)


def test_equal_preprocessors_leave_the_images_alone(student):
    teacher, _ = make_teacher(student)
    inputs = torch.rand(1, 3, 64, 64)
    assert teacher._images(inputs, student.data_preprocessor) is inputs


@pytest.mark.parametrize('other', [dict(mean=[1., 2., 4.]), dict(std=[5., 6., 8.]), dict(bgr_to_rgb=True),
                                   dict(mean=None, std=None)])
def test_preprocessors_differ_by_mean_deviation_or_channels(other):
    one = dict(type='PoseDataPreprocessor', mean=[1., 2., 3.], std=[5., 6., 7.])
    assert same_images(MODELS.build(one), MODELS.build(one))
    assert not same_images(MODELS.build(one), MODELS.build({**one, **other}))


def test_resample_interpolates_linearly_and_holds_the_ends():
    values = torch.tensor([0., 10., 20., 40.])
    got = resample(values, torch.tensor([-1., 0., 0.5, 2.25, 3., 9.]))
    torch.testing.assert_close(got, torch.tensor([0., 0., 5., 25., 40., 40.]))


def test_resize_round_trip_is_exact():
    resize = Resize((48, 64), (96, 96))  # scale 1.5, padded left and right
    assert resize.content == (72, 96)
    assert resize.offset == (12, 0)
    points = torch.tensor([0., 10., 47.])
    torch.testing.assert_close(resize.to_student(resize.to_teacher(points, 0), 0), points)
    assert resize.to_teacher(torch.tensor(-0.5), 0) == 12 - 0.5  # the left edge of the content


def test_resized_image_moves_points_as_stated():
    resize = Resize((32, 32), (64, 48))
    image = torch.zeros(1, 3, 32, 32)
    image[..., 8:12, 20:24] = 1  # centred on (21.5, 9.5)
    big = resize.images(image, nn.Identity())[0, 0]
    ys, xs = torch.meshgrid(torch.arange(48.), torch.arange(64.), indexing='ij')
    centre = (big * xs).sum() / big.sum(), (big * ys).sum() / big.sum()
    assert centre[0].item() == pytest.approx(resize.to_teacher(torch.tensor(21.5), 0).item(), abs=1e-3)
    assert centre[1].item() == pytest.approx(resize.to_teacher(torch.tensor(9.5), 1).item(), abs=1e-3)


def test_borders_of_a_teacher_of_another_aspect_ratio_are_black(student):
    """As MMPose fills what a crop has beyond the image: 0 before the mean is taken away."""
    teacher, data = make_teacher(student, config=tiny.pose_model(8, size=(96, 64)))
    seen = []
    teacher.model.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    teacher.answer(data['inputs'], student.data_preprocessor)
    preprocessor, images = teacher.model.data_preprocessor, seen[0]
    assert images.shape[2:] == (64, 96)
    raw = images * preprocessor.std + preprocessor.mean
    torch.testing.assert_close(raw[..., :16], torch.zeros(2, 3, 64, 16), atol=1e-4, rtol=0)
    torch.testing.assert_close(raw[..., -16:], torch.zeros(2, 3, 64, 16), atol=1e-4, rtol=0)
    torch.testing.assert_close(images[..., 16:-16], data['inputs'])


class FixedPeak(nn.Module):
    """Stands for a head that sees a keypoint at a given pixel of its own input."""

    decoder = None

    def __init__(self, out_channels, pixel, size, split_ratio):
        super().__init__()
        self.out_channels, self.pixel, self.size, self.ratio = out_channels, pixel, size, split_ratio

    def forward(self, feats):
        rows = []
        for axis in (0, 1):
            bins = torch.arange(self.size[axis] * self.ratio)
            row = -(bins - self.pixel[axis] * self.ratio)**2 / 20.0
            rows.append(row.expand(len(feats[0]), self.out_channels, -1))
        return tuple(rows)


@pytest.mark.parametrize('teacher_size, ratio', [((96, 96), 2), ((64, 64), 4), ((128, 96), 2), ((48, 48), 3)])
def test_simdr_logits_peak_where_the_student_would_see_them(student, teacher_size, ratio):
    teacher, data = make_teacher(student, config=tiny.pose_model(8, size=teacher_size))
    resize = Resize((64, 64), teacher_size)
    seen = 20.0, 33.0  # in the student's pixels
    pixel = [resize.to_teacher(torch.tensor(p), axis).item() for axis, p in enumerate(seen)]
    teacher.model.head = FixedPeak(17, pixel, teacher_size, ratio)
    like = torch.zeros(2, 17, 128), torch.zeros(2, 17, 128)
    answer = teacher.answer(data['inputs'], student.data_preprocessor)
    x, y = teacher.translate(answer, data['inputs'], like).outputs
    assert x.shape == y.shape == (2, 17, 128)
    assert (x.argmax(-1) == 40).all()
    assert (y.argmax(-1) == 66).all()


def test_heatmaps_take_the_students_size():
    student = tiny.build(tiny.pose_model(head='heatmap')).eval()
    teacher = Teacher(tiny.pose_model(8, size=(96, 96), head='heatmap'), allow_random_weights=True)
    data = tiny.batch(student)
    record = teacher.answer(data['inputs'], student.data_preprocessor)
    record = teacher.translate(record, data['inputs'], torch.zeros(2, 17, 16, 16))
    assert record.outputs.shape == (2, 17, 16, 16)
    assert record.feats[-1].shape == (2, 64, 3, 3)


def test_keypoints_of_the_same_names_and_other_mirror_images_are_refused(student):
    meta = dict(from_file='configs/_base_/datasets/300w.py')
    teacher = Teacher(tiny.pose_model(8, keypoints=98), allow_random_weights=True,
                      metainfo=dict(from_file='configs/_base_/datasets/wflw.py'))
    faces, own = parse_metainfo(meta), teacher.metainfo
    with pytest.raises(ConfigError, match='mirror image of the keypoint "kpt-0" is "kpt-16" in the student.s data and '
                                          '"kpt-32" in the teacher.s: these are other keypoints of the same names'):
        teacher.match_keypoints(keypoint_names(faces), 68, faces['flip_indices'])
    teacher.match_keypoints(keypoint_names(own), 98, own['flip_indices'])
    body = Teacher(tiny.pose_model(8, keypoints=133), allow_random_weights=True,
                   metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py'))
    coco = parse_metainfo(COCO)
    body.match_keypoints(keypoint_names(coco), 17, coco['flip_indices'])
    assert body.indices == list(range(17))
    body.match_keypoints(keypoint_names(coco), 17, range(17))  # a dataset that names no mirror images


def test_keypoints_with_numbers_for_names_are_those_of_one_set_of_data_alone():
    faces = parse_metainfo(dict(from_file='configs/_base_/datasets/300wlp.py'))  # it names no mirror images
    teacher = Teacher(tiny.pose_model(8, keypoints=98), allow_random_weights=True,
                      metainfo=dict(from_file='configs/_base_/datasets/wflw.py'))
    with pytest.raises(ConfigError, match='the 68 keypoints of the student and the 98 of the teacher have numbers'):
        teacher.match_keypoints(keypoint_names(faces), 68, faces['flip_indices'])


def test_a_flip_test_needs_no_mirror_images_of_a_teacher_that_has_names_alone(student):
    names = dict(enumerate(keypoint_names(parse_metainfo(COCO))))
    teacher, _ = make_teacher(student, metainfo=dict(keypoint_id2name=names))
    data = tiny.batch(student)
    for sample in data['data_samples']:
        sample.set_metainfo(dict(flip_indices=parse_metainfo(COCO)['flip_indices']))
    preds = teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor, flip_test=True)
    assert [pred.keypoints.shape for pred in preds] == [(1, 17, 2)] * 2


def test_a_coordinate_is_flipped_within_the_teachers_own_input():
    head = dict(type='RegressionHead', in_channels=32, num_joints=17,
                decoder=dict(type='RegressionLabel', input_size=(128, 128)))
    teacher = Teacher(dict(tiny.pose_model(), neck=dict(type='GlobalAveragePooling'), head=head,
                           test_cfg=dict(flip_test=True, shift_coords=True)), allow_random_weights=True, metainfo=COCO)
    student = tiny.build(tiny.pose_model(head='heatmap')).eval()
    data = tiny.batch(student)
    pred = teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor, flip_test=True)[0]
    images = teacher._images(data['inputs'], student.data_preprocessor)
    samples = [PoseDataSample(metainfo=dict(input_size=(128, 128), flip_indices=teacher.metainfo['flip_indices']))] * 2
    feats = [teacher.model.extract_feat(x) for x in (images, images.flip(-1))]
    own = teacher.head.predict(feats, samples, test_cfg=dict(flip_test=True, shift_coords=True))[0]
    np.testing.assert_allclose(pred.keypoints, (own.keypoints + 0.5) / 2 - 0.5, atol=1e-4)


def test_keypoints_without_names_are_said_to_be_taken_as_the_same(monkeypatch):
    said = []
    monkeypatch.setattr('mmpose_kd.models.distillers.teacher.print_log', lambda text, *args: said.append(text))
    teacher = Teacher(tiny.pose_model(8), allow_random_weights=True)
    said.clear()
    teacher.match_keypoints(keypoint_names(parse_metainfo(COCO)), 17)
    assert len(said) == 1 and 'taken to be the same, in the same order. Give teacher.metainfo' in said[0]
    assert teacher.indices is None


def test_coordinates_for_images_of_another_size_are_refused():
    cfg = tiny.pose_model(8)
    codec = dict(type='RegressionLabel', input_size=(64, 64))
    head = dict(type='RegressionHead', in_channels=64, num_joints=17, decoder=codec)
    neck = dict(type='GlobalAveragePooling')
    with pytest.raises(ConfigError, match=r'input_size=\(96, 96\) given, but the coordinates of its RegressionLabel'):
        Teacher(dict(cfg, neck=neck, head=head), allow_random_weights=True, input_size=(96, 96))


def test_a_backbone_that_cannot_compute_in_bfloat16_is_named(student):
    teacher, data = make_teacher(student, precision='bf16')
    wide = torch.nn.Linear(1, 1)

    def mixed(images):
        return wide(images[..., :1])

    teacher.extract_feat = mixed
    with pytest.raises(ConfigError, match='model.teacher: ResNet cannot compute in torch.bfloat16 alone.*"fp32"'):
        teacher.answer(data['inputs'], student.data_preprocessor)


def test_heatmaps_of_another_codec_move_to_the_students_cells(student):
    """Cell 10 of 16 is pixel 42 of 64 in UDPHeatmap, and so halfway between cells 10 and 11 of MSRAHeatmap."""
    cfg = tiny.pose_model(8, head='heatmap')
    codec = dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2.0)
    teacher = Teacher(dict(cfg, head=dict(cfg['head'], decoder=codec)), allow_random_weights=True)
    heatmaps = torch.zeros(1, 17, 16, 16)
    heatmaps[..., 10, 10] = 1
    inputs, like = torch.zeros(1, 3, 64, 64), torch.zeros(1, 17, 16, 16)
    same = teacher.translate(Record(outputs=heatmaps), inputs, like).outputs
    teacher.match_codec(tiny.build(cfg).head)
    rows = teacher.translate(Record(outputs=heatmaps), inputs, like).outputs[0, 0].amax(1)
    assert torch.equal(same, heatmaps)
    torch.testing.assert_close(rows[[10, 11]] / rows.sum(), torch.tensor([0.5, 0.5]), rtol=1e-4, atol=1e-4)


def test_a_codec_of_ones_own_that_is_a_udp_heatmap_has_its_cells():
    class OwnHeatmap(UDPHeatmap):
        pass

    assert is_udp(OwnHeatmap(input_size=(64, 64), heatmap_size=(16, 16)))
    assert not is_udp(MSRAHeatmap(input_size=(64, 64), heatmap_size=(16, 16), sigma=2.0))


def test_the_three_maps_of_a_keypoint_stay_together():
    cfg = tiny.pose_model(8, keypoints=3 * 17, head='heatmap')
    cfg['head'].update(loss=dict(type='CombinedTargetMSELoss'), decoder=dict(
        type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), heatmap_type='combined'))
    teacher = Teacher(cfg, allow_random_weights=True, metainfo=COCO)
    teacher.student_udp = True
    order = [1, 0, *range(2, 17)]
    teacher.match_keypoints([teacher.names[i] for i in order], 17)
    maps = torch.rand(2, 51, 16, 16)
    got = teacher.translate(Record(outputs=maps), torch.zeros(2, 3, 64, 64), torch.zeros(2, 51, 16, 16)).outputs
    assert torch.equal(got.unflatten(1, (17, 3)), maps.unflatten(1, (17, 3))[:, order])


def test_every_stage_of_a_teacher_takes_the_students_keypoints_and_size():
    cfg = tiny.pose_model(8, size=(96, 96), head='heatmap')
    teacher = Teacher(cfg, allow_random_weights=True, metainfo=COCO)
    order = [1, 0, *range(2, 17)]
    teacher.match_keypoints([teacher.names[i] for i in order], 17)
    stages, inputs = [torch.rand(2, 17, 24, 24) for _ in range(2)], torch.zeros(2, 3, 64, 64)
    for like in (torch.zeros(2, 17, 16, 16), [torch.zeros(2, 17, 16, 16)] * 3):  # students of one stage and of three
        single = [teacher.translate(Record(outputs=x), inputs, torch.zeros(2, 17, 16, 16)).outputs for x in stages]
        several = teacher.translate(Record(outputs=stages), inputs, like).outputs
        assert [x.shape for x in several] == [(2, 17, 16, 16)] * 2
        assert all(torch.equal(*pair) for pair in zip(several, single))
        assert torch.equal(teacher.translate(Record(outputs=stages[0]), inputs, like).outputs, single[0])
    assert not torch.equal(single[0], stages[0][:, order][..., :16, :16])
    unmatched = Teacher(cfg, allow_random_weights=True)
    plain = unmatched.translate(Record(outputs=stages[0]), inputs, torch.zeros(2, 17, 16, 16)).outputs
    assert torch.equal(single[0], plain[:, order])


def test_keypoints_are_matched_by_name(student):
    teacher, data = make_teacher(student, config=tiny.pose_model(8, keypoints=133), metainfo=WHOLEBODY)
    names = ['right_wrist', 'nose', 'left_heel']
    teacher.match_keypoints(names, 3)
    wanted = [teacher.names.index(n) for n in names]
    answer = teacher.answer(data['inputs'], student.data_preprocessor)
    got = teacher.translate(answer, data['inputs'], student(data['inputs'], None)).outputs[0]
    raw = teacher.model(data['inputs'], None)[0]
    torch.testing.assert_close(got, raw[:, wanted])
    assert teacher.names[wanted[0]] == 'right_wrist'


def test_the_same_keypoints_in_another_order_are_matched(student):
    teacher, _ = make_teacher(student, metainfo=COCO)
    swapped = [teacher.names[i] for i in [1, 0, *range(2, 17)]]
    teacher.match_keypoints(swapped, 17)
    assert teacher.indices == [1, 0, *range(2, 17)]


def test_keypoint_that_the_teacher_lacks_is_named():
    with pytest.raises(ConfigError, match="no keypoint named 'top_head', 'neck'"):
        map_keypoints(['nose', 'top_head', 'neck'], ['nose', 'left_eye'])


def test_unknown_names_and_different_numbers_are_refused(student):
    teacher, _ = make_teacher(student, config=tiny.pose_model(8, keypoints=14))
    with pytest.raises(ConfigError, match='teacher predicts 14 keypoints and the student 17.*teacher.metainfo'):
        teacher.match_keypoints(['a'] * 17, 17)


@pytest.mark.parametrize('metainfo', ['configs/_base_/datasets/mpii.py', dict(from_flie='x'), ['a'], {},
                                      dict(keypoint_id2name=['nose'])])
def test_metainfo_that_names_no_keypoints_is_refused(metainfo):
    with pytest.raises(ConfigError, match='metainfo=.*: expected a dict that names keypoints, such as'):
        check_teacher(tiny.pose_model(), 'a.pth', metainfo=metainfo)


def test_metainfo_that_does_not_fit_the_head_is_refused(student):
    teacher, _ = make_teacher(student, metainfo=WHOLEBODY)
    with pytest.raises(ConfigError, match='names 133 keypoints, but its head predicts 17'):
        teacher.match_keypoints(['nose'], 1)


@pytest.mark.parametrize('flip_test', [False, True])
def test_prediction_equals_the_plain_models(student, saved, flip_test):
    folder, model = saved
    teacher = Teacher('teacher.py', 'teacher.pth', folder=str(folder))
    data = tiny.batch(student)
    model.eval().test_cfg['flip_test'] = flip_test
    feats = model.extract_feat(data['inputs'])
    expected = model.head.predict([feats, model.extract_feat(data['inputs'].flip(-1))] if flip_test else feats,
                                  data['data_samples'], dict(flip_test=flip_test))
    got = teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor, flip_test)
    for a, b in zip(got, expected):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)


def test_prediction_has_the_students_keypoints(student):
    teacher, data = make_teacher(student, metainfo=COCO)
    plain = teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor)
    teacher.match_keypoints([teacher.names[i] for i in [9, 0, 4]], 3)
    for got, want in zip(teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor), plain):
        np.testing.assert_array_equal(got.keypoints, want.keypoints[:, [9, 0, 4]])
        np.testing.assert_array_equal(got.keypoint_scores, want.keypoint_scores[:, [9, 0, 4]])


def test_it_moves_to_another_device(student):
    teacher, _ = make_teacher(student)
    assert teacher.to(torch.device('meta')) is teacher
    assert {p.device.type for p in teacher.model.parameters()} == {'meta'}


def test_a_config_that_is_no_python_is_named(tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(')
    with pytest.raises(ConfigError, match=r'broken\.py" cannot be read: SyntaxError'):
        Teacher('broken.py', 'a.pth', folder=str(tmp_path))


def test_a_config_whose_base_is_missing_is_not_said_to_be_missing_itself(tmp_path):
    (tmp_path / 'teacher.py').write_text("_base_ = 'gone.py'")
    with pytest.raises(ConfigError, match=rf'"{tmp_path}/teacher\.py" cannot be read: FileNotFoundError: .*gone\.py'):
        load_config('teacher.py', str(tmp_path))


def test_metainfo_without_keypoints_names_none():
    assert parse_metainfo(dict(dataset_name='mine')) is None
    assert parse_metainfo(None) is None


@pytest.mark.parametrize('subset, number', [(dict(subset='lower'), 4), (dict(subset='upper'), 6), ({}, 8)])
def test_keypoints_of_a_subset_are_known_before_its_data_are_read(subset, number):
    data = dict(type='DeepFashionDataset', **subset)  # whose class has the METAINFO of the last one built
    meta = dataset_meta(Config(dict(train_dataloader=dict(dataset=data))))
    assert parse_metainfo(meta)['num_keypoints'] == number


def test_prediction_of_a_larger_teacher_is_in_the_students_pixels(student):
    teacher, data = make_teacher(student, config=tiny.pose_model(8, size=(96, 96)))
    data['inputs'] = data['inputs'][:1]
    [pred] = teacher.predict(data['inputs'], data['data_samples'][:1], student.data_preprocessor)
    resize = Resize((64, 64), (96, 96))
    feats = teacher.model.extract_feat(resize.images(data['inputs'], nn.Identity()))
    [own] = teacher.model.head.predict(feats, data['data_samples'][:1], {})
    np.testing.assert_allclose(pred.keypoints, (own.keypoints + 0.5) / 1.5 - 0.5, atol=1e-5)


def udp_model(base_channels):
    """A heatmap model whose codec decodes pixel 63 of 64 as 64."""
    cfg = tiny.pose_model(base_channels, head='heatmap')
    cfg['head'].update(decoder=dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16)))
    return cfg


@pytest.mark.parametrize('own, students, factor', [
    (udp_model(8), tiny.pose_model(), 63 / 64),
    (tiny.pose_model(8), udp_model(4), 64 / 63),
    (udp_model(8), udp_model(4), 1),
], ids=['udp to simcc', 'simcc to udp', 'udp to udp'])
def test_prediction_is_decoded_as_the_students_codec_decodes(student, own, students, factor):
    teacher, data = make_teacher(student, config=own)
    teacher.match_codec(tiny.build(students).head)
    got = teacher.predict(data['inputs'], data['data_samples'], student.data_preprocessor)
    plain = teacher.model.head.predict(teacher.model.extract_feat(data['inputs']), data['data_samples'], {})
    for a, b in zip(got, plain):
        np.testing.assert_allclose(a.keypoints, b.keypoints * factor, rtol=1e-5)


@pytest.mark.parametrize('package, install', [('mmpretrain', r'mmpose_kd\[vit\]'), ('mmx', 'mim install mmx')])
def test_a_part_of_a_package_that_is_not_installed_names_it(package, install, monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(ConfigError, match=f'ViT is a part of the package "{package}", .*{install}'):
        check_packages(dict(type='TopdownPoseEstimator', backbone=[dict(type=f'{package}.ViT')]))
