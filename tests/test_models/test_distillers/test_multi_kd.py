import copy
import itertools

import pytest
import tiny
import torch
from mmengine.logging import MessageHub
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from mmpose.registry import MODELS
from torch import nn

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.distillers import multi_kd
from mmpose_kd.models.objectives.base import Objective


@MODELS.register_module()
class TapDistance(Objective):
    """Mean square of two taps' difference after a 1x1 convolution; the smallest objective with weights of its own."""

    def __init__(self, in_channels=8, out_channels=16, **kwargs):
        super().__init__(**kwargs)
        self.align = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, student, teacher, data_samples):
        return (self.align(student[self.student_taps[0]]) - teacher[self.teacher_taps[0]]).square().mean()


@MODELS.register_module()
class Returns(Objective):
    """Returns whatever it is told to."""

    def __init__(self, what, **kwargs):
        super().__init__(teacher='student', **kwargs)
        self.what = what

    def forward(self, student, teacher, data_samples):
        return self.what


TEACHER = dict(config=tiny.pose_model(8), allow_random_weights=True)
DISTANCE = dict(type='TapDistance', student_taps=['backbone.layer2'], teacher_taps=['backbone.layer2'])
WITHIN = dict(DISTANCE, student_taps=['backbone.layer2.0.conv2'], teacher_taps=['backbone.layer2.0.conv2'])

COUNTER = itertools.count()


def distiller(teacher=TEACHER, **objectives):
    torch.manual_seed(0)
    return tiny.build(dict(tiny.pose_model(), type='MultiKDDistiller', teacher=teacher,
                           objectives=objectives or dict(loss_fkd=DISTANCE)))


def at_iteration(iteration, max_iters=10):
    hub = MessageHub.get_instance(f'progress {next(COUNTER)}')  # the newest instance is the current one
    hub.update_info('iter', iteration)
    hub.update_info('max_iters', max_iters)


@pytest.fixture(autouse=True)
def fresh_progress():
    at_iteration(0)


def test_teacher_answers_before_the_student_holds_memory_for_its_backward_pass():
    model, order = distiller(), []
    model.load_teachers()
    for name, module in (('teacher', model.teachers['teacher'].model.backbone), ('student', model.backbone)):
        module.register_forward_hook(lambda *args, name=name: order.append(name))
    model.loss(**tiny.batch(model))
    assert order == ['teacher', 'student']


def test_state_dict_is_the_plain_students():
    model = distiller()
    plain = tiny.build(tiny.pose_model())
    model.loss(**tiny.batch(model))  # with the teacher loaded
    assert list(model.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(model.state_dict(), strict=True)


def test_plain_checkpoint_loads_strictly():
    model = distiller()
    model.load_state_dict(tiny.build(tiny.pose_model()).state_dict(), strict=True)


def test_truncated_checkpoint_does_not_load_strictly():
    state = tiny.build(tiny.pose_model()).state_dict()
    state.pop('backbone.conv1.weight')
    with pytest.raises(RuntimeError, match='backbone.conv1.weight'):
        distiller().load_state_dict(state, strict=True)


def test_prediction_equals_the_plain_students():
    model = distiller().eval()
    plain = tiny.build(tiny.pose_model()).eval()
    plain.load_state_dict(model.state_dict())
    data = tiny.batch(model)
    torch.testing.assert_close(model(**data, mode='tensor'), plain(**data, mode='tensor'), rtol=0, atol=0)
    assert not model.teachers  # testing never loads the teacher


def test_loss_is_the_task_loss_and_the_weighted_objectives():
    model = distiller(loss_fkd=dict(DISTANCE, weight=0.5))
    data = tiny.batch(model)
    losses = model.loss(**data)
    teacher = model.teachers['teacher'].model
    expected = (model.objectives.loss_fkd.align(model.backbone.layer2(model.backbone.layer1(_stem(model, data)))) -
                teacher.backbone.layer2(teacher.backbone.layer1(_stem(teacher, data)))).square().mean()
    torch.testing.assert_close(losses['loss_fkd'], 0.5 * expected, rtol=1e-4, atol=1e-5)
    total, log = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['loss_kpt'] + losses['loss_fkd'])
    assert log['weight_fkd'] == 0.5


def _stem(model, data):
    b = model.backbone
    return b.maxpool(b.relu(b.norm1(b.conv1(data['inputs']))))


def test_teacher_is_bit_identical_after_training_steps():
    model = distiller()
    model.load_teachers()
    data = tiny.batch(model)
    before = copy.deepcopy(model.teachers['teacher'].model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        model.parse_losses(model.loss(**data))[0].backward()
        optimizer.step()
        model.train()
    after = model.teachers['teacher'].model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert not any(p.requires_grad for p in model.teachers['teacher'].model.parameters())


def test_teacher_is_in_no_parameter_group():
    model = distiller()
    model.load_teachers()
    teacher = {id(p) for p in model.teachers['teacher'].model.parameters()}
    assert not teacher & {id(p) for p in model.parameters()}
    assert {n.split('.')[0] for n, _ in model.named_parameters()} == {'backbone', 'head', 'objectives'}


def test_deepcopy_shares_the_teacher_and_copies_the_connectors():
    model = distiller()
    model.load_teachers()
    twin = copy.deepcopy(model)
    assert twin.teachers['teacher'] is model.teachers['teacher']
    assert twin.objectives.loss_fkd.align.weight is not model.objectives.loss_fkd.align.weight
    assert twin.recorder.model is twin


def test_teacher_follows_the_distiller_to_another_device():
    model = distiller()
    model.load_teachers()
    seen = []
    model.teachers['teacher'].to = seen.append
    model.to('cpu')
    assert seen == [torch.device('cpu')]


def test_every_parameter_gets_a_gradient_in_every_step():
    model = distiller(loss_fkd=dict(DISTANCE, weight=dict(type='Stop', value=1., at=5)))
    for iteration in (0, 7):  # before and after the objective stops
        at_iteration(iteration)
        model.zero_grad()
        model.parse_losses(model.loss(**tiny.batch(model)))[0].backward()
        assert all(p.grad is not None for p in model.parameters())


def test_what_only_a_stopped_objective_trains_still_gets_a_gradient():
    codec = dict(type='SimDRLabel', input_size=(64, 64), sigma=4.)
    plain, loss = tiny.pose_model(), dict(type='ProgressivePoseLoss', step_weights=(0.5, 1.))
    head = dict(type='IGPGCNHead', in_channels=(32, 16), skeleton=[[5, 7]], hidden_channels=8, image_channels=(8, 8),
                base=dict(type='SimDRHead', in_channels=32, out_channels=17, in_stride=32, decoder=codec))
    objective = dict(type='PoseObjective', loss=loss, weight=dict(type='Stop', value=1., at=5))
    model = tiny.build(dict(plain, type='MultiKDDistiller', backbone=dict(plain['backbone'], out_indices=(2, 3)),
                            head=head, teacher=TEACHER, objectives=dict(loss_pose=objective),
                            frozen=['backbone', 'head.base']))
    for iteration in (0, 7):  # before and after the objective stops
        at_iteration(iteration)
        model.zero_grad()
        model.parse_losses(model.loss(**tiny.batch(model)))[0].backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_stopped_objective_and_its_teacher_are_not_computed():
    model = distiller(loss_fkd=dict(DISTANCE, weight=dict(type='Stop', value=1., at=5)))
    data = tiny.batch(model)
    model.loss(**data)
    at_iteration(5)
    model.teachers['teacher'].model.backbone = None  # would fail if it ran
    losses = model.loss(**data)
    assert losses['loss_fkd'] == 0
    assert losses['weight_fkd'] == 0


def test_the_first_step_checks_an_objective_of_weight_0_without_a_trace():
    model = distiller(loss_fkd=dict(DISTANCE, weight=dict(type='Linear', start=0., end=1., begin=5)))
    objective = model.objectives['loss_fkd']
    objective.align = nn.Sequential(objective.align, nn.Dropout(), nn.BatchNorm2d(16))
    model.load_teachers()
    data, at = tiny.batch(model), [(0, False), (1, False), (7, True)]
    for iteration, counts in at:
        at_iteration(iteration)
        torch.manual_seed(1)
        model.loss(**data)
        after = torch.rand(1)
        torch.manual_seed(1)
        assert (objective.align[2].num_batches_tracked == 1) == counts
        assert torch.equal(after, torch.rand(1)) != counts
    assert objective.training


def test_weight_follows_the_schedule():
    model = distiller(loss_fkd=dict(DISTANCE, weight=dict(type='Linear', start=1., end=0.)))
    data = tiny.batch(model)
    full = model.loss(**data)
    at_iteration(9)
    late = model.loss(**data)
    assert late['weight_fkd'].item() == pytest.approx(0.1)
    torch.testing.assert_close(late['loss_fkd'], 0.1 * full['loss_fkd'], rtol=1e-3, atol=1e-6)


def test_objectives_of_several_teachers_see_their_own():
    teachers = dict(small=dict(config=tiny.pose_model(2), allow_random_weights=True), large=TEACHER)
    model = distiller(
        teachers,
        loss_small=dict(DISTANCE, teacher='small', out_channels=4),
        loss_large=dict(DISTANCE, teacher='large'))
    losses = model.loss(**tiny.batch(model))
    assert losses['loss_small'] != losses['loss_large']
    assert model.teachers['small'].model.backbone.conv1.out_channels == 2


def test_connector_weights_survive_a_round_trip():
    model, other = distiller(), distiller()
    nn.init.normal_(model.objectives.loss_fkd.align.weight)
    other.load_distillation_state(model.distillation_state())
    assert torch.equal(other.objectives.loss_fkd.align.weight, model.objectives.loss_fkd.align.weight)


def test_connector_weights_of_other_objectives_are_refused():
    with pytest.raises(ConfigError, match='(?s)other objectives.*load_from'):
        distiller().load_distillation_state(distiller(loss_other=DISTANCE).distillation_state())


@pytest.mark.parametrize('objectives, message', [
    (dict(loss_a=dict(type='Returns', what=None)), 'loss_a: Returns must return a scalar loss.*returned None'),
    (dict(loss_a=dict(type='Returns', what=torch.ones(2))), r'returned a tensor of shape \(2,\)'),
    (dict(loss_a=dict(type='Returns', what=torch.tensor(float('nan')))), 'loss_a: the loss is nan'),
    (dict(loss_kpt=dict(type='Returns', what=torch.tensor(1.))), 'loss_kpt: the student.*already has a loss'),
])
def test_objective_that_is_not_computed_stops_the_first_step(objectives, message):
    model = distiller(None, **objectives)
    with pytest.raises(ConfigError, match=message):
        model.loss(**tiny.batch(model))


def test_nan_in_the_teacher_is_named():
    model = distiller()
    model.load_teachers()
    nn.init.constant_(model.teachers['teacher'].model.backbone.layer2[0].conv1.weight, float('nan'))
    with pytest.raises(ConfigError, match='model.teacher: NaN or infinity in the teacher.s outputs'):
        model.loss(**tiny.batch(model))


@pytest.mark.parametrize('change, message', [
    (dict(objectives={}), 'at least one objective'),
    (dict(objectives=None), 'at least one objective'),
    (dict(objectives=dict(fkd=DISTANCE)), 'the name "fkd" must begin with "loss_" .*as "loss_fkd" does'),
    (dict(objectives=dict(loss=DISTANCE)), 'the name "loss" must begin with "loss_"'),  # MMEngine's name of the total
    (dict(objectives=dict(loss_kd_loss=DISTANCE)), 'the name "loss_kd_loss" contains "loss" twice'),
    (dict(objectives=dict(loss_fkd=dict(DISTANCE, studnt_taps=[]))), 'TapDistance has no argument "studnt_taps"'),
    (dict(objectives=dict(loss_fkd=dict(DISTANCE, type='TapDistanc'))), "not registered.*Did you mean 'TapDistance'"),
    (dict(objectives=dict(loss_fkd=dict(type='ResNet', depth=18))), 'ResNet is no objective'),
    (dict(objectives=dict(loss_fkd=dict(DISTANCE, weight=-1))), 'loss_fkd.weight: .*at least 0'),
    (dict(objectives=dict(loss_fkd=dict(DISTANCE, student_taps=['backbone.layr2']))), "Did you mean.*'backbone.lay"),
    (dict(teacher=None), 'needs the teacher "teacher", but model.teacher is not given'),
    (dict(teacher='hrnet.py'), 'model.teacher: expected a dict'),
    (dict(teacher=dict(config='a.py')), 'model.teacher: no checkpoint is given'),
    (dict(teacher=dict(TEACHER, chekpoint='x')), 'Did you mean .checkpoint'),
    (dict(teacher=dict(TEACHER, big=TEACHER)), 'a single teacher, and "big" one of several.*_delete_=True'),
    (dict(teacher=dict(TEACHER, taps=['x'])), 'Teacher has no argument "taps"'),
    (dict(teacher=dict(big=TEACHER)), 'needs the teacher "teacher", but model.teacher names big'),
    (dict(teacher=dict(teacher=TEACHER, spare=TEACHER)), 'model.teacher.spare: no objective uses this teacher'),
])
def test_config_that_cannot_work_is_refused_at_build_time(change, message):
    cfg = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=TEACHER, objectives=dict(loss_fkd=DISTANCE))
    with pytest.raises(ConfigError, match=message):
        tiny.build(dict(cfg, **change))


def test_relative_teacher_paths_become_absolute_in_the_runners_config(tmp_path):
    (tmp_path / 'teacher.py').write_text('')
    teacher = dict(config='teacher.py', checkpoint='elsewhere.pth')
    model, cfg = distiller(dict(teacher)), dict(teacher=dict(teacher))
    model.locate_teachers(str(tmp_path), cfg)
    assert cfg['teacher'] == dict(config=str(tmp_path / 'teacher.py'), checkpoint='elsewhere.pth')
    assert model.teacher_cfgs['teacher'] == cfg['teacher']


def test_student_teaches_itself_without_a_gradient_to_the_teaching_side():
    torch.manual_seed(0)
    own = dict(type='TapDistance', teacher='student', student_taps=['backbone.layer1.0'],
               teacher_taps=['backbone.layer1.1'], in_channels=4, out_channels=4)
    model = distiller(teacher=None, loss_self=own)
    model.loss(**tiny.batch(model))['loss_self'].backward()
    assert model.backbone.layer1[0].conv1.weight.grad.abs().sum() > 0
    assert model.backbone.layer1[1].conv1.weight.grad is None


def test_no_teacher_may_be_named_student():
    with pytest.raises(ConfigError, match='"student" stands for the student\'s own record'):
        distiller(teacher=dict(student=TEACHER, other=TEACHER))


def test_frozen_module_is_bit_identical_after_training_steps():
    model = tiny.build(dict(tiny.pose_model(), type='MultiKDDistiller', teacher=TEACHER, frozen=['backbone'],
                            objectives=dict(loss_vkd=dict(type='OutputObjective'))))
    before = copy.deepcopy(model.backbone.state_dict())
    head = model.head.mlp_head_x.weight.detach().clone()
    data = tiny.batch(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    for _ in range(2):
        optimizer.zero_grad()
        model.parse_losses(model.loss(**data))[0].backward()
        optimizer.step()
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not torch.equal(head, model.head.mlp_head_x.weight)


def test_frozen_module_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match=r'model.frozen: "backbon" is no module of the student. Did you mean'):
        tiny.build(dict(tiny.pose_model(), type='MultiKDDistiller', teacher=TEACHER, frozen=['backbon'],
                        objectives=dict(loss_fkd=DISTANCE)))


def test_frozen_must_be_a_list():
    with pytest.raises(ConfigError, match='model.frozen: expected a list'):
        tiny.build(dict(tiny.pose_model(), type='MultiKDDistiller', teacher=TEACHER, frozen='backbone',
                        objectives=dict(loss_fkd=DISTANCE)))


def test_a_student_begins_with_the_weights_that_it_has_alone_with_the_same_seed():
    models = []
    for changes in (dict(), dict(type='MultiKDDistiller', teacher=TEACHER, objectives=dict(loss_fkd=DISTANCE))):
        torch.manual_seed(5)
        models.append(MODELS.build(dict(tiny.pose_model(), **changes)))
        models[-1].init_weights()
    alone, distilled = (dict(model.state_dict()) for model in models)
    assert alone.keys() == distilled.keys()
    assert all(torch.equal(alone[name], distilled[name]) for name in alone)


@pytest.mark.parametrize('place', ['objective', 'connector'])
def test_the_students_init_weights_initialises_connectors_as_the_config_says(place):
    init = dict(init_cfg=dict(type='Constant', layer='Conv2d', val=0.25, bias=0.5))
    connector = dict(type='ConvAligner', **(init if place == 'connector' else {}))
    model = distiller(loss_fkd=dict(
        type='FeatureObjective', student_taps=['backbone.layer2'], teacher_taps=['backbone.layer2'],
        student_channels=[8], teacher_channels=[16], connector=connector, loss=dict(type='FeatureMSELoss'),
        **(init if place == 'objective' else {})))
    model.init_weights()
    weights = dict(model.objectives.named_parameters())
    assert weights and all((w == (0.5 if name.endswith('bias') else 0.25)).all() for name, w in weights.items())


def test_an_objective_whose_student_is_frozen_is_refused():
    objective = dict(type='FeatureObjective', student_taps=['backbone.layer2'], teacher_taps=['backbone.layer2'],
                     student_channels=[16], teacher_channels=[16], loss=dict(type='FeatureMSELoss'))
    model = tiny.build(dict(tiny.pose_model(8), type='MultiKDDistiller', teacher=TEACHER, frozen=['backbone'],
                            objectives=dict(loss_fkd=objective)))
    model.load_teachers()
    with pytest.raises(ConfigError, match=r"loss_fkd: it can teach nothing.*model.frozen=\['backbone'\]"):
        model.loss(**tiny.batch(model))


@pytest.mark.parametrize('change, tap', [
    (dict(frozen=['backbone']), 'backbone.layer2'),
    (dict(backbone=dict(frozen_stages=2)), 'backbone.layer2'),
    (dict(backbone=dict(with_cp=True)), 'backbone.layer2.1.conv2'),  # first computed without gradients
], ids=['frozen', 'frozen_stages', 'with_cp'])
def test_an_objective_that_would_train_its_connector_alone_is_refused(change, tap):
    objective = dict(type='FeatureObjective', student_taps=[tap], teacher_taps=[tap], student_channels=[8],
                     teacher_channels=[16], connector=dict(type='ConvAligner'), loss=dict(type='FeatureMSELoss'))
    student = tiny.pose_model()
    student['backbone'].update(change.pop('backbone', {}))
    model = tiny.build(dict(student, type='MultiKDDistiller', teacher=TEACHER, objectives=dict(loss_fkd=objective),
                            **change))
    model.train()
    model.load_teachers()
    with pytest.raises(ConfigError, match='loss_fkd: it can teach nothing.*with_cp.*frozen_stages'):
        model.loss(**tiny.batch(model))


@pytest.mark.parametrize('part, objective', [('head', DISTANCE), ('backbone', dict(type='OutputObjective')),
                                             ('backbone.layer2', DISTANCE), ('backbone.layer2', WITHIN)])
def test_activation_checkpointing_changes_no_gradient(part, objective):
    models = [distiller(loss_kd=objective).train() for _ in range(2)]
    data = tiny.batch(models[0])
    turn_on_activation_checkpointing(models[1], part)
    for model in models:
        torch.manual_seed(1)  # the teacher's random weights
        model.load_teachers()
        model.parse_losses(model.loss(**data))[0].backward()
    for stock, checkpointed in zip(*(model.parameters() for model in models)):
        torch.testing.assert_close(checkpointed.grad, stock.grad)


def test_a_tap_that_no_gradient_reaches_is_named(monkeypatch):
    said = []
    monkeypatch.setattr(multi_kd, 'print_log', lambda message, *args: said.append(message))
    student = tiny.pose_model()
    student['backbone']['frozen_stages'] = 1
    taps = ['backbone.layer1', 'backbone.layer2']
    objective = dict(type='FeatureObjective', student_taps=taps, teacher_taps=taps, student_channels=[4, 8],
                     teacher_channels=[8, 16], connector=dict(type='ConvAligner'), loss=dict(type='FeatureMSELoss'))
    model = tiny.build(dict(student, type='MultiKDDistiller', teacher=TEACHER, objectives=dict(loss_fkd=objective)))
    model.train()
    model.load_teachers()
    for _ in range(2):  # it is said once
        model.loss(**tiny.batch(model))
    warning, = [message for message in said if 'teaches nothing' in message]
    assert warning.startswith('model.objectives.loss_fkd: student_taps "backbone.layer1" teaches nothing')
