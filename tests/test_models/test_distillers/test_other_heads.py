"""Students and teachers whose heads are built in another way than those of this package."""
import re

import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.engine.hooks.visualization import _labelled
from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.distillers.teacher import Teacher
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.taps import Record
from mmpose_kd.visualization.records import label_pose

COCO = dict(from_file='configs/_base_/datasets/coco.py')
CROWDPOSE = dict(from_file='configs/_base_/datasets/crowdpose.py')
AP10K = dict(from_file='configs/_base_/datasets/ap10k.py')
KD = dict(type='OutputObjective', loss=dict(type='HeatmapKDLoss'))
FEATURES = dict(type='FeatureObjective', student_taps=['backbone.layer4'], teacher_taps=['backbone.layer4'])


def vis_model(size=(64, 64)):
    """A model that predicts which joints are visible, around a heatmap head."""
    model = tiny.pose_model(size=size, head='heatmap')
    return dict(model, head=dict(
        type='VisPredictHead', loss=dict(type='BCELoss', use_target_weight=True, use_sigmoid=True),
        pose_cfg=model['head']))


def ipr_model(size):
    """A model that regresses coordinates from heatmaps, and returns both."""
    cells = (size[0] // 4, size[1] // 4)
    model = tiny.pose_model(size=size, head='heatmap')
    return dict(model, head=dict(
        type='DSNTHead', in_channels=32, in_featuremap_size=(size[0] // 32, size[1] // 32), num_joints=17,
        deconv_out_channels=(8, 8, 8),
        loss=dict(type='MultipleLossWrapper', losses=[
            dict(type='SmoothL1Loss', use_target_weight=True), dict(type='JSDiscretLoss', use_target_weight=True)]),
        decoder=dict(type='IntegralRegressionLabel', input_size=size, heatmap_size=cells, sigma=2.0)))


def distilled(student, teacher, objective=KD, **kwargs):
    return tiny.build(dict(student, type='MultiKDDistiller', objectives=dict(loss_kd=objective),
                           teacher=dict(config=teacher, allow_random_weights=True, **kwargs)))


def test_the_inner_head_is_compared():
    model = distilled(vis_model(), vis_model())
    assert set(model.loss(**tiny.batch(model))) >= {'loss_vis', 'loss_kpt', 'loss_kd'}
    for part in (model, model.teachers['teacher'].model):
        for parameter in part.head.pose_head.final_layer.parameters():
            torch.nn.init.zeros_(parameter)
    assert model.loss(**tiny.batch(model))['loss_kd'] == 0


def test_the_labels_of_an_inner_head_are_drawn():
    head = tiny.build(vis_model()).head
    targets = torch.zeros(17, 16, 16)
    targets[:, 3, 5] = 1
    sample = PoseDataSample(gt_instances=InstanceData(), gt_fields=PixelData(heatmaps=targets),
                            gt_instance_labels=InstanceData(keypoint_weights=torch.ones(1, 17)))
    assert (label_pose(head, [sample]) // 4 == [5, 3]).all()


def test_joints_of_several_levels_are_drawn_by_the_weights_of_the_last():
    levels = torch.stack([torch.ones(1, 17), torch.zeros(1, 17)])
    sample = PoseDataSample(gt_instance_labels=InstanceData(keypoint_weights=levels))
    assert [list(row) for row in _labelled([sample])] == [[False] * 17]


def test_a_teacher_knows_its_input_size_by_the_inner_head():
    teacher = Teacher(vis_model(size=(96, 96)), allow_random_weights=True, metainfo=COCO)
    assert teacher.input_size == (96, 96)
    model = tiny.build(tiny.pose_model(head='heatmap'))
    data = tiny.batch(model)
    teacher.match_keypoints(teacher.names, 17)
    preds = teacher.predict(data['inputs'], data['data_samples'], model.data_preprocessor)
    assert [pred.keypoints.shape for pred in preds] == [(1, 17, 2)] * 2


def test_a_teacher_knows_its_input_size_by_the_codec_of_coordinates():
    assert Teacher(ipr_model((96, 64)), allow_random_weights=True).input_size == (96, 64)


def test_heatmaps_beside_coordinates_get_the_teachers_at_their_size():
    model = distilled(ipr_model((64, 64)), ipr_model((96, 96)),
                      dict(KD, student_output='outputs[1]', teacher_output='outputs[1]'))
    data = tiny.batch(model)
    with torch.no_grad():
        outputs = model.head.forward(model.extract_feat(data['inputs']))
    model.load_teachers()
    teacher = model.teachers['teacher']
    record = teacher.translate(teacher.answer(data['inputs'], model.data_preprocessor), data['inputs'], outputs)
    assert record.outputs[1].shape == outputs[1].shape == (2, 17, 16, 16)
    assert record.cells is None  # they lie as the student's do


def megvii(size=(64, 64)):
    """A heatmap head whose codec has peaks of 255."""
    cfg = tiny.pose_model(head='heatmap', size=size)
    codec = dict(type='MegviiHeatmap', input_size=size, heatmap_size=(size[0] // 4, size[1] // 4), kernel_size=11)
    return dict(cfg, head=dict(cfg['head'], decoder=codec))


@pytest.mark.parametrize('student, teacher, message', [
    (tiny.pose_model(head='heatmap'), megvii(), r"peaks of 1, the teacher's maps with peaks of 255"),
    (megvii(), tiny.pose_model(head='heatmap'), r"peaks of 255 .*, the teacher's logits, or maps with peaks of 1"),
    (ipr_model((64, 64)), tiny.pose_model(head='heatmap'), r"sum is 1 .*, the teacher's logits, or maps")])
def test_heatmaps_of_another_scale_are_not_compared(student, teacher, message):
    with pytest.raises(ConfigError, match=rf"model.teacher: the student's head has .*{message}.*FeatureObjective"):
        distilled(student, teacher, dict(KD, student_output='outputs[-1]')).load_teachers()
    distilled(student, teacher, FEATURES).load_teachers()
    distilled(teacher, teacher, dict(KD, student_output='outputs[-1]')).load_teachers()


def test_distributions_keep_their_sum_at_another_size():
    model = distilled(ipr_model((64, 64)), ipr_model((96, 96)),
                      dict(KD, student_output='outputs[1]', teacher_output='outputs[1]'))
    model.load_teachers()
    teacher, maps = model.teachers['teacher'], torch.rand(2, 17, 24, 24)
    maps /= maps.sum((-2, -1), keepdim=True)
    student = (None, torch.zeros(2, 17, 16, 16))
    record = teacher.translate(Record(outputs=(None, maps)), torch.zeros(2, 3, 64, 64), student)
    torch.testing.assert_close(record.outputs[1].sum((-2, -1)), torch.ones(2, 17))


@pytest.mark.parametrize('loss', [dict(type='HeatmapKDLoss', mode='kl'),
                                  dict(type='JointStructureLoss', skeleton=[[0, 1]])], ids=lambda loss: loss['type'])
def test_a_softmax_of_distributions_is_refused(loss):
    objective = dict(type='OutputObjective', loss=loss, student_output='outputs[1]', teacher_output='outputs[1]')
    with pytest.raises(ConfigError, match=rf"loss: {loss['type']} takes a softmax of the maps, .* use .*mode='mse'"):
        distilled(ipr_model((64, 64)), ipr_model((64, 64)), objective).load_teachers()


def beta_model(beta):
    """A model with a SimCC head, which is trained for the softmax of so many times its logits."""
    model = tiny.pose_model()
    return dict(model, head=dict(model['head'], loss=dict(type='KLDiscretLoss', beta=beta)))


@pytest.mark.parametrize('beta', [1., 10.])
def test_where_a_student_has_poses_the_scale_of_the_teachers_logits_comes_along(beta):
    teacher, inputs = Teacher(beta_model(beta), allow_random_weights=True), torch.zeros(2, 3, 64, 64)
    record = teacher.translate(Record(outputs=(torch.zeros(2, 17, 128), ) * 2), inputs, [torch.zeros(2, 17, 2)])
    assert record.cells.beta == beta


@pytest.mark.parametrize('loss', [dict(type='SimDRKLLoss', temperature=0.1),
                                  dict(type='JointStructureLoss', skeleton=[[0, 1]])], ids=lambda loss: loss['type'])
def test_logits_of_other_scales_are_not_compared(loss):
    objective = dict(type='OutputObjective', loss=loss)
    distilled(beta_model(10.), beta_model(10.), objective).load_teachers()
    with pytest.raises(ConfigError, match=rf"loss: {loss['type']} takes .* at beta=1 .* at beta=10: .*=0\.1 here, or"):
        distilled(beta_model(1.), beta_model(10.), objective).load_teachers()


@pytest.mark.parametrize('beta, loss, told', [
    (10., dict(type='SimDRKLLoss'), ['SimDRKLLoss has temperature 1, .* at beta=10 .* Set temperature=0.1 here']),
    (10., dict(type='JointStructureLoss', skeleton=[[0, 1]]), ['JointStructureLoss has temperature 1, .*=0.1 here']),
    (10., dict(type='SimDRKLLoss', temperature=0.1), []), (1., dict(type='SimDRKLLoss'), [])])
def test_logits_of_rtmpose_at_the_default_temperature_are_said_to_teach_nothing(beta, loss, told, monkeypatch):
    said = []
    monkeypatch.setattr('mmpose_kd.models.outputs.print_log', lambda text, *args, **kwargs: said.append(text))
    distilled(beta_model(beta), beta_model(beta), dict(type='OutputObjective', loss=loss)).load_teachers()
    assert len(said) == len(told) and all(map(re.search, told, said))


@pytest.mark.parametrize('student, remedy', [
    (beta_model(10.), "Set beta=1 in the loss of the student's head, and temperature=1 here"),  # as RTMPose by RTMW
    (dict(tiny.pose_model(), head=dict(
        type='SimDRHead', in_channels=32, in_stride=32, out_channels=17,
        decoder=dict(type='SimDRLabel', input_size=(64, 64), sigma=4.0, simcc_split_ratio=2.0))),
     "Give the student a SimCCHead with the teacher's beta, and temperature=0.1 here"),
], ids=['beta', 'no beta'])
def test_a_head_of_another_scale_is_told_what_it_can_change(student, remedy):
    teacher = beta_model(1.) if student['head']['type'] == 'SimCCHead' else beta_model(10.)
    with pytest.raises(ConfigError, match=re.escape(remedy)):
        distilled(student, teacher, dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'))).load_teachers()


def test_cells_of_megvii_of_other_sizes_are_not_compared():
    with pytest.raises(ConfigError, match='MegviiHeatmap, 16x16, 64x64.*MegviiHeatmap, 24x24, 96x96'):
        distilled(megvii(), megvii((96, 96))).load_teachers()


def test_a_loss_for_sets_of_three_maps_and_labels_is_refused():
    loss = dict(type='CombinedTargetMSELoss', use_target_weight=True)
    with pytest.raises(ConfigError, match='CombinedTargetMSELoss is for .*HeatmapKDLoss'):
        build(MODELS, dict(type='OutputObjective', loss=loss), 'loss_kd')


@pytest.mark.parametrize('outputs', [torch.rand(2, 51, 8, 8), [torch.rand(2, 17, 8, 8)] * 2], ids=['udp', 'stages'])
def test_the_pose_of_a_teacher_is_in_its_last_maps_of_places(outputs):
    samples = [PoseDataSample(metainfo=dict(input_size=(64, 64)), gt_instance_labels=InstanceData(
        keypoint_weights=torch.ones(1, 17)))] * 2
    objective, poses = build(MODELS, dict(type='PoseObjective'), 'loss_pose'), [torch.rand(2, 17, 2)] * 4
    places = outputs[-1] if isinstance(outputs, list) else outputs[:, ::3]
    assert objective(Record(outputs=poses), Record(outputs=outputs), samples) == objective(
        Record(outputs=poses), Record(outputs=places), samples)


def test_a_teacher_without_a_pose_in_its_outputs_is_named():
    objective = build(MODELS, dict(type='PoseObjective'), 'loss_pose')
    with pytest.raises(ConfigError, match="teacher's head returns neither heatmaps nor SimDR logits"):
        objective(Record(outputs=[torch.rand(2, 17, 2)] * 3), Record(outputs=torch.rand(2, 17, 4)), [])


def test_a_joint_has_one_weight_for_its_three_combined_maps():
    weights = torch.ones(2, 17)
    weights[0, 3] = 0
    samples = [PoseDataSample(gt_instance_labels=InstanceData(keypoint_weights=row[None])) for row in weights]
    student, teacher = torch.zeros(2, 51, 8, 8), torch.zeros(2, 51, 8, 8)
    teacher[0, 9:12] = 7  # the joint without a label
    teacher[1, 12:15] = 2
    objective = build(MODELS, KD, 'loss_kd')
    loss = objective(Record(outputs=student), Record(outputs=teacher), samples)
    assert loss.item() == pytest.approx(4 * 3 / (2 * 51))


@pytest.mark.parametrize('output, advice', [
    ((torch.ones(2, 17, 2), torch.ones(2, 17, 8, 8)), r"Set student_output='outputs\[1\]'\."),
    (torch.ones(2, 17, 2), r'Compare features with FeatureObjective\.'),
], ids=['coordinates and heatmaps', 'coordinates'])
def test_outputs_that_cannot_be_compared_name_the_entry_that_can(output, advice):
    objective = build(MODELS, KD, 'loss_kd')
    with pytest.raises(ConfigError, match=rf"returns .* at 'outputs': expected heatmaps .* {advice}$"):
        objective(Record(outputs=output), Record(outputs=output), [])


def test_a_label_loss_for_the_logits_of_two_models_is_refused():
    with pytest.raises(ConfigError, match='KLDiscretLoss compares logits with .* a label.*SimDRKLLoss'):
        build(MODELS, dict(type='OutputObjective', loss=dict(type='KLDiscretLoss')), 'loss_kd')


def test_weights_of_several_levels_are_those_of_the_last():
    levels = torch.stack([torch.full((1, 17), float(level)) for level in range(4)])  # as MSPNHead's four encoders give
    samples = [PoseDataSample(gt_instance_labels=InstanceData(keypoint_weights=x)) for x in (levels, levels[:3])]
    assert torch.equal(keypoint_weights(samples, torch.device('cpu')), torch.tensor([[3.], [2.]]).expand(2, 17))


def test_features_of_a_teacher_with_other_keypoints_can_be_compared():
    student = dict(tiny.pose_model(head='heatmap'), metainfo=AP10K)  # joints of animals
    model = distilled(student, tiny.pose_model(head='heatmap'), FEATURES, metainfo=COCO)
    losses = model.loss(**tiny.batch(model))
    teacher = model.teachers['teacher']
    assert losses['loss_kd'] > 0
    assert not teacher.report_metric and not teacher.same_keypoints


def test_outputs_of_a_teacher_with_other_keypoints_cannot():
    student = dict(tiny.pose_model(head='heatmap'), metainfo=AP10K)
    with pytest.raises(ConfigError, match='model.teacher: the teacher has no keypoint named'):
        distilled(student, tiny.pose_model(head='heatmap'), metainfo=COCO).load_teachers()


def test_names_are_those_of_the_data_whose_number_of_joints_the_head_has():
    config = dict(model=tiny.pose_model(keypoints=14), test_dataloader=dict(dataset=dict(metainfo=COCO)),
                  train_dataloader=dict(dataset=dict(metainfo=CROWDPOSE)))
    assert len(Teacher(Config(config), allow_random_weights=True).names) == 14


def test_three_maps_of_a_joint_count_once():
    head = dict(tiny.pose_model(keypoints=51, head='heatmap')['head'])
    head['decoder'] = dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), heatmap_type='combined')
    teacher = Teacher(dict(tiny.pose_model(head='heatmap'), head=head), allow_random_weights=True, metainfo=COCO)
    teacher.match_keypoints(teacher.names, 17)
    assert teacher.indices is None


@pytest.mark.parametrize('kind, others', [('BottomupPoseEstimator', {}), ('DWPoseDistiller', dict(teacher_cfg='a.py'))])
def test_a_teacher_that_is_no_top_down_model_is_refused(kind, others):
    with pytest.raises(ConfigError, match=f'its model is a {kind}; expected .* top-down'):
        Teacher(dict(tiny.pose_model(head='heatmap'), type=kind, **others), allow_random_weights=True)


def test_another_input_size_than_that_of_its_bins_is_refused():
    with pytest.raises(ConfigError, match=r'\(64, 96\) given, but the coordinates of its SimCCLabel .*\(96, 64\)'):
        Teacher(tiny.pose_model(size=(96, 64)), allow_random_weights=True, input_size=(64, 96))


def test_a_head_whose_loss_does_not_call_forward_is_named():
    with pytest.raises(ConfigError, match=r'tap "feats\[-1\]": nothing was recorded, as the loss of the head'):
        Record()['feats[-1]']
