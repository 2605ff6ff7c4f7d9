"""Students whose later stages or further branches are only there in training: LSPD and OKDHP."""
import pytest
import tiny
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.deploy import Limits, export_folder, take_student
from mmpose_kd.models.distillers.teacher import Teacher
from mmpose_kd.report import read_folders
from mmpose_kd.report.measure import by_joint
from mmpose_kd.report.predict import predict
from mmpose_kd.visualization.compare import ComparedModel

GONE = dict(lspd='backbone.later_stages.', okdhp='head.peers.')
RAMP = dict(type='GaussianRamp', start=0., end=1., until=0.5)


def taught_by(output, names, **loss):
    """Objectives in which one output of the student teaches others."""
    return {f'loss_{i}': dict(
        type='OutputObjective', teacher='student', student_output=name, teacher_output=output, weight=RAMP,
        loss=dict(type='HeatmapKDLoss', **loss)) for i, name in enumerate(names)}


def lspd():
    model = tiny.pose_model(head='heatmap')
    backbone = dict(model['backbone'], num_stages=1, strides=(1, ), dilations=(1, ), out_indices=(0, ))
    return dict(
        model,
        type='MultiKDDistiller',
        backbone=dict(type='LSPDNet', backbone=backbone, in_channels=4, num_keypoints=17, channels=8, num_blocks=1),
        head=dict(type='LSPDHead', in_channels=17, out_channels=17, num_stages=3, final_layer=None,
                  decoder=model['head']['decoder']),
        objectives=taught_by('outputs[-1]', ['outputs[0]', 'outputs[1]']))


def okdhp():
    model = tiny.pose_model(head='heatmap')
    return dict(
        model,
        type='MultiKDDistiller',
        head=dict(model['head'], type='OKDHPHead', ensemble_channels=8),
        objectives=taught_by('head.ensemble', ['outputs[0]', 'outputs[1]', 'outputs[2]'], mode='kl'))


STUDENTS = dict(lspd=lspd, okdhp=okdhp)


@pytest.fixture(scope='module', params=STUDENTS)
def trained(request, tmp_path_factory):
    """Name and config of a student, and the runner of its two epochs."""
    folder = tmp_path_factory.mktemp(request.param)
    cfg = tiny.runner_cfg(
        STUDENTS[request.param](), folder, epochs=2, custom_imports=dict(imports=['mmpose_kd']))
    cfg.dump(str(folder / 'kd.py'))
    return request.param, cfg, tiny.run(cfg)


def test_checkpoint_keeps_what_only_training_needs_apart(trained):
    name, cfg, _ = trained
    file = torch.load(f'{cfg.work_dir}/epoch_2.pth', weights_only=False)
    places = (GONE[name], 'head.ensemble.', 'head.multi_')
    assert not any(key.startswith(places) for key in file['state_dict'])
    assert any(values for key, values in file['distillation'].items() if f'{key}.' == GONE[name])


def test_resumed_run_equals_the_uninterrupted_one(trained, tmp_path):
    _, cfg, whole = trained
    part = tiny.run(cfg, work_dir=str(tmp_path), resume=True, load_from=f'{cfg.work_dir}/epoch_1.pth')
    assert part.iter == whole.iter
    for (key, resumed), (_, expected) in zip(part.model.named_parameters(), whole.model.named_parameters()):
        assert torch.equal(resumed, expected), key


def test_export_holds_the_first_output_alone(trained):
    name, cfg, runner = trained
    deployed, _, weights = take_student(Config.fromfile(f'{cfg.work_dir}/kd.py'), f'{cfg.work_dir}/epoch_2.pth')
    plain = MODELS.build(deployed.model)
    plain.load_state_dict(weights, strict=True)
    assert type(plain).__name__ == 'TopdownPoseEstimator'
    assert not any(key.startswith(GONE[name]) for key in plain.state_dict())

    images = torch.rand(2, 3, 64, 64)
    model = runner.model.eval()
    model.backbone.training = model.head.training = True  # all outputs, still by the statistics of evaluation
    outputs = model(images, None, mode='tensor')
    assert len(outputs) == 3 + (name == 'okdhp')
    deployed = plain.eval()(images, None, mode='tensor')
    deployed = deployed[0] if isinstance(deployed, list) else deployed
    assert torch.equal(deployed, outputs[0])
    assert not torch.equal(deployed, outputs[1])


def test_folder_has_one_graph_without_what_only_training_needs(trained, tmp_path):
    onnx = pytest.importorskip('onnx', reason='the extra "export" is not installed')
    _, cfg, runner = trained
    spec = export_folder(f'{cfg.work_dir}/kd.py', f'{cfg.work_dir}/epoch_2.pth', str(tmp_path / 'out'), num_images=2,
                         limits=Limits(drop=1.), report=str)
    plain = MODELS.build(Config.fromfile(str(tmp_path / 'out' / 'config.py')).model)
    graph = onnx.load(str(tmp_path / 'out' / 'model.onnx')).graph
    weights = sum(onnx.numpy_helper.to_array(tensor).size for tensor in graph.initializer)
    assert spec['outputs'] == ['keypoints', 'scores']
    assert weights <= sum(p.numel() for p in plain.parameters()) < sum(p.numel() for p in runner.model.parameters())


def test_weight_of_the_objectives_rises(trained):
    _, _, runner = trained
    weights, _ = runner.message_hub.get_scalar('train/weight_0').data
    assert weights == pytest.approx([torch.tensor(-5 * (1 - t)**2).exp().item() for t in (0, 0.5, 1, 1)])


@pytest.mark.parametrize('name, pupil, others', [
    ('lspd', 'backbone.first_stage', ['backbone.later_stages']),
    ('okdhp', 'head.final_layer', ['head.peers', 'head.ensemble']),
])
def test_an_objective_trains_the_pupil_and_not_who_teaches_it(name, pupil, others):
    model = tiny.build(STUDENTS[name]()).train()
    model.loss(**tiny.batch(model))['loss_0'].backward()
    assert all(p.grad.abs().sum() > 0 for p in model.get_submodule(pupil).parameters() if p.dim() > 1)
    assert not any(p.grad is not None and p.grad.abs().sum() > 0
                   for other in others for p in model.get_submodule(other).parameters())


@pytest.mark.parametrize('name', STUDENTS)
def test_every_parameter_is_trained_in_half_precision_too(name):
    model = tiny.build(STUDENTS[name]()).train()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(**tiny.batch(model))
        sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(value.dtype == torch.float32 and value.isfinite() for key, value in losses.items() if 'loss' in key)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.fixture(scope='module', params=STUDENTS)
def alone(request, tmp_path_factory):
    """Work folder of a training without a distiller, whose checkpoint holds what only training needs, too."""
    folder = tmp_path_factory.mktemp(request.param)
    model = {key: value for key, value in STUDENTS[request.param]().items() if key != 'objectives'}
    cfg = tiny.runner_cfg(dict(model, type='TopdownPoseEstimator'), folder, epochs=1)
    cfg.update(custom_imports=dict(imports=['mmpose_kd']), test_dataloader=cfg.val_dataloader, test_cfg=cfg.val_cfg,
               test_evaluator=cfg.val_evaluator)
    cfg.dump(str(folder / 'alone.py'))
    tiny.run(Config.fromfile(str(folder / 'alone.py')))
    state = load_checkpoint(f'{folder}/epoch_1.pth')['state_dict']
    assert any(key.startswith(GONE[request.param]) for key in state)
    return folder, {key: value for key, value in state.items() if not key.startswith(GONE[request.param])}


def taken(config, checkpoint):
    return take_student(Config.fromfile(config), checkpoint)[2]


def compared(config, checkpoint):
    return ComparedModel(config, checkpoint, 'alone').net.state_dict()


@pytest.mark.parametrize('load', [taken, compared])
def test_weights_of_a_training_without_a_distiller_are_those_of_the_first_output(load, alone):
    folder, weights = alone
    found = load(str(folder / 'alone.py'), str(folder / 'epoch_1.pth'))
    assert len(found) > 50
    assert all(torch.equal(found[key], weights[key]) for key in found)


def test_a_student_with_parts_for_training_can_teach_and_be_reported(alone, tmp_path):
    folder, _ = alone
    teacher = Teacher(config=str(folder / 'alone.py'), checkpoint=str(folder / 'epoch_1.pth'))
    plain = ComparedModel(str(folder / 'alone.py'), str(folder / 'epoch_1.pth'), 'alone').net.eval()
    images = torch.rand(2, 3, 64, 64)
    answer, expected = (model(images, None, mode='tensor') for model in (teacher.model, plain))
    torch.testing.assert_close(answer, expected)

    run, = read_folders([str(folder)]).runs
    found = predict(run, 100, tmp_path, 'cpu')
    assert by_joint(found, 0.2)[found.labelled.any(0)].mean() == pytest.approx(run.metrics['PCK'], abs=1e-6)
