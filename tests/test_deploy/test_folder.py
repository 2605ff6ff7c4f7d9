import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.apis import MMPoseInferencer, inference_topdown, init_model
from mmpose.codecs import SimCCLabel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.datasets import SyntheticPoseDataset
from mmpose_kd.datasets.samples import validation_set
from mmpose_kd.deploy import Limits, export_folder
from mmpose_kd.deploy.check import Prediction, chosen_joints, difference, pck
from mmpose_kd.deploy.describe import describe, readme
from mmpose_kd.errors import ConfigError

pytest.importorskip('onnxruntime', reason='the extra "export" is not installed')
pytest.importorskip('onnx', reason='the extra "export" is not installed')
WITHOUT_TORCH = ('import runpy, sys; sys.modules.update(dict.fromkeys('
                 '["torch", "torchvision", "mmengine", "mmcv", "mmdet", "mmpose", "mmpose_kd"])); '
                 'sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")')


def refined():
    """Stage 2 of the two-stage system: an IGP-GCN head on the frozen first stage."""
    model = tiny.pose_model()
    return dict(
        model,
        type='MultiKDDistiller',
        backbone=dict(model['backbone'], out_indices=(1, 2, 3)),
        head=dict(type='IGPGCNHead', base=model['head'], in_channels=(32, 16, 8), skeleton=[[5, 7], [7, 9]]),
        frozen=['backbone', 'head.base'],
        teacher=dict(config=tiny.pose_model(8), allow_random_weights=True),
        objectives=dict(loss_pose=dict(type='PoseObjective')))


def distilled(head):
    """A distilled student of which the heatmap one has channels dropped in training."""
    model = tiny.pose_model(head=head)
    output = dict(type='OutputObjective', loss=dict(type='HeatmapKDLoss'), student_output='head.dropped')
    if head == 'heatmap':
        model['head'].update(type='ChannelDropoutHead', drop_ratio=0.5)
    else:
        output = dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'))
    teacher = dict(config=tiny.pose_model(8, head=head), allow_random_weights=True)
    return dict(model, type='MultiKDDistiller', teacher=teacher, objectives=dict(loss_okd=output))


def trained_run(folder, head='heatmap', udp=False):
    """Config file and checkpoint, as a run that ended before its first step would leave them."""
    cfg = tiny.runner_cfg(distilled(head), folder, epochs=1, custom_imports=dict(imports=['mmpose_kd']),
                          visualizer=dict(type='PoseLocalVisualizer'))
    for key in ('train', 'val'):
        for transform in cfg[f'{key}_dataloader'].dataset.pipeline:
            if transform.type == 'TopdownAffine':
                transform.use_udp = udp
            if transform.type == 'GetBBoxCenterScale':
                transform.padding = 1.1
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = cfg.val_dataloader, cfg.val_evaluator, dict()
    cfg.dump(str(folder / 'kd.py'))
    torch.manual_seed(0)
    weights = tiny.build(cfg.model).state_dict()
    for name in ('head.final_layer.weight', 'head.mlp_head_x.weight'):  # as if joints were seen
        if name in weights:
            weights[name] *= 100
    torch.save(dict(state_dict=weights), folder / 'epoch_1.pth')
    return str(folder / 'kd.py'), str(folder / 'epoch_1.pth')


@pytest.fixture(scope='module', autouse=True)
def _quick_dump():
    with pytest.MonkeyPatch.context() as patch:  # formatting the config's text takes longer than the export
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))
        yield


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Config file and checkpoint of a distilled run."""
    return trained_run(tmp_path_factory.mktemp('trained'))


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """A folder of four drawn people, 96 x 80."""
    folder = tmp_path_factory.mktemp('images')
    data = SyntheticPoseDataset(num_samples=4, seed=3, image_size=(96, 80))
    for i in range(len(data)):
        cv2.imwrite(str(folder / f'{i}.png'), data.get_data_info(i)['img'])
    return folder


@pytest.fixture(scope='module')
def exported(trained, images, tmp_path_factory):
    """The folder with all that it may hold, what is in its deploy.json, and the lines that were printed."""
    out, lines = tmp_path_factory.mktemp('exported') / 'pose', []
    spec = export_folder(*trained, str(out), fp16=True, int8_images=str(images), num_images=4, limits=Limits(drop=1.),
                         report=lines.append)
    return out, spec, lines


def test_the_folder_is_complete(exported):
    out, spec, _ = exported
    assert sorted(p.name for p in out.iterdir()) == [
        'README.md', 'checkpoint.pth', 'config.py', 'deploy.json', 'model.onnx', 'model_int8.onnx', 'onnx_pose.py']
    assert [p.name for p in out.parent.iterdir()] == ['pose']
    assert json.loads((out / 'deploy.json').read_text()) == json.loads(json.dumps(spec))


def test_deploy_json_says_how_to_use_the_model(exported):
    spec = exported[1]
    assert (spec['input_size'], spec['channel_order'], spec['box_padding'], spec['udp']) == (
        [64, 64], 'rgb', 1.1, False)
    assert (spec['mean'], spec['std']) == (tiny.PREPROCESSOR['mean'], tiny.PREPROCESSOR['std'])
    assert spec['keypoints'][:2] == ['nose', 'left_eye'] and len(spec['keypoints']) == 17
    assert [1, 2] in spec['flip_pairs'] and len(spec['flip_pairs']) == 8
    assert [15, 13] in spec['skeleton'] and len(spec['skeleton']) == 19
    assert spec['decoding'] == dict(type='MSRAHeatmap', input_size=[64, 64], heatmap_size=[16, 16], sigma=2.)
    assert spec['outputs'] == ['keypoints', 'scores']


def test_the_checks_are_reported(exported):
    _, spec, lines = exported
    assert re.match(r'plain student: +loads strictly, largest keypoint difference', lines[0])
    assert re.match(r'ONNX Runtime: .* difference from PyTorch .* on 4 images \(at most 0.5\)', lines[1])
    assert list(spec['pck']) == ['trained', 'exported', 'onnx', 'int8']
    assert spec['largest_difference']['keypoints'] <= 0.5


def test_fp16_halves_the_checkpoint(exported, trained, tmp_path):
    export_folder(*trained, str(tmp_path / 'whole'), onnx='none', num_images=1, report=str)
    whole, half = (load_checkpoint(str(folder / 'checkpoint.pth')) for folder in (tmp_path / 'whole', exported[0]))
    assert set(half) == {'state_dict', 'meta'} and not half['meta']
    for name, value in whole['state_dict'].items():
        assert torch.equal(half['state_dict'][name], value.half() if value.is_floating_point() else value)
    size_whole, size_half = ((folder / 'checkpoint.pth').stat().st_size for folder in (tmp_path / 'whole', exported[0]))
    assert size_half < 0.7 * size_whole  # of which names and file format, in so small a model, are a good part


def test_the_readme_runs_it_in_five_lines_and_an_import_where_the_config_needs_it(exported):
    blocks = re.findall(r'```\w+\n(.*?)```', (exported[0] / 'README.md').read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert Config.fromfile(str(exported[0] / 'config.py')).custom_imports.imports == ['mmpose_kd']
    assert lines.index('import mmpose_kd') < lines.index('from mmpose.apis import MMPoseInferencer')
    assert len(lines) == 6


def test_the_readme_names_the_packages_that_the_config_imports():
    def text(**imports):
        return readme(dict(pck={}), Config(imports))

    assert 'for MMPose and `mine`, which it imports' in text(custom_imports=dict(imports='mine.heads'))
    assert 'import mmpose_kd' not in text(custom_imports=dict(imports=['mine']))
    assert 'for MMPose and `mine`, `mmpose_kd`,' in text(custom_imports=dict(imports=['mmpose_kd', 'mine']))
    assert 'for MMPose alone' in text(custom_imports=None)  # as a child drops its base's


@pytest.mark.parametrize('head, udp', [('heatmap', True), ('simcc', False)])
def test_the_script_finds_what_mmpose_finds_without_pytorch(head, udp, images, tmp_path):
    out, image = tmp_path / 'pose', str(images / '0.png')
    export_folder(*trained_run(tmp_path, head, udp), str(out), num_images=1, report=str)
    command = [sys.executable, '-c', WITHOUT_TORCH, str(out / 'onnx_pose.py'), image, '9', '20', '60', '50']
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = np.array([[float(value) for value in line.split()[1:]] for line in result.stdout.splitlines()])
    model = init_model(str(out / 'config.py'), str(out / 'checkpoint.pth'), device='cpu')
    expected = inference_topdown(model, image, [[9, 20, 60, 50]], bbox_format='xywh')[0].pred_instances
    np.testing.assert_allclose(found[:, :2], expected.keypoints[0], atol=0.06)
    np.testing.assert_allclose(found[:, 2], expected.keypoint_scores[0], atol=2e-3)


def test_the_script_says_what_it_cannot_read(exported):
    command = [sys.executable, str(exported[0] / 'onnx_pose.py'), str(exported[0] / 'README.md')]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr
    assert 'no image can be read at' in result.stderr and 'README.md' in result.stderr


def test_the_script_says_how_many_arguments_it_takes(exported, images):
    command = [sys.executable, str(exported[0] / 'onnx_pose.py'), str(images / '0.png'), '9', '20']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert 'IMAGE [LEFT TOP WIDTH HEIGHT]: expected an image, or an image and four numbers, got [' in result.stderr


def test_the_script_says_which_number_of_the_box_is_none(exported, images):
    command = [sys.executable, str(exported[0] / 'onnx_pose.py'), str(images / '0.png'), '9', 'top', '60', '50']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr
    assert "[LEFT TOP WIDTH HEIGHT]: could not convert string to float: 'top'" in result.stderr


def test_the_script_refuses_a_box_of_no_size(exported, images):
    command = [sys.executable, str(exported[0] / 'onnx_pose.py'), str(images / '0.png'), '9', '20', '0', '50']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    assert 'the box [9.0, 20.0, 0.0, 50.0] has no width and height above 0' in result.stderr


def test_the_folder_works_in_mmposes_inferencer(exported, images):
    config, checkpoint = (str(exported[0] / name) for name in ('config.py', 'checkpoint.pth'))
    pose = MMPoseInferencer(pose2d=config, pose2d_weights=checkpoint, det_model='whole_image', device='cpu')
    person, = next(pose(str(images / '1.png')))['predictions'][0]
    assert np.array(person['keypoints']).shape == (17, 2)


def test_the_folder_works_in_the_runner_that_mim_test_starts(exported, tmp_path):
    cfg = Config.fromfile(str(exported[0] / 'config.py'))
    cfg.update(load_from=str(exported[0] / 'checkpoint.pth'), work_dir=str(tmp_path), experiment_name='exported')
    metrics = Runner.from_cfg(cfg).test()
    assert 0 <= metrics['PCK'] <= 1


def test_the_two_stages_are_one_graph(trained, tmp_path):
    cfg = Config.fromfile(trained[0])
    cfg.model = refined()
    cfg.dump(str(tmp_path / 'stage_2.py'))
    model = tiny.build(cfg.model)
    for layer in model.head.corrections:  # as if it had learnt to refine
        torch.nn.init.normal_(layer.own.weight, std=0.1)
    torch.save(model.state_dict(), tmp_path / 'stage_2.pth')
    spec = export_folder(str(tmp_path / 'stage_2.py'), str(tmp_path / 'stage_2.pth'), str(tmp_path / 'out'),
                         num_images=3, report=str)
    assert spec['outputs'] == ['keypoints', 'scores'] and spec['decoding']['type'] == 'SimCCLabel'
    assert spec['largest_difference']['keypoints'] < 0.01


def test_raw_outputs_have_no_script(trained, tmp_path):
    spec = export_folder(*trained, str(tmp_path / 'raw'), onnx='raw', num_images=2, report=str)
    assert spec['outputs'] == ['outputs']
    assert not (tmp_path / 'raw' / 'onnx_pose.py').exists()
    assert 'onnx_pose' not in (tmp_path / 'raw' / 'README.md').read_text()


def test_images_without_labels_serve_the_checks_but_the_accuracy(trained, images, tmp_path):
    lines = []
    spec = export_folder(*trained, str(tmp_path / 'out'), images=str(images), num_images=3, report=lines.append)
    assert spec['checked_on'] == 3 and set(spec['pck'].values()) == {None}
    assert 'on 3 images' in lines[1] and 'no labels' in lines[2]


def test_changes_to_the_config_reach_the_folder(trained, tmp_path):
    options = {'val_dataloader.dataset.num_samples': 3}
    spec = export_folder(*trained, str(tmp_path / 'out'), onnx='none', cfg_options=options, report=str)
    assert spec['checked_on'] == 3
    assert Config.fromfile(str(tmp_path / 'out' / 'config.py')).val_dataloader.dataset.num_samples == 3


@pytest.mark.parametrize('changes, message', [
    (dict(limits=Limits(pixels=-1.)), 'ONNX Runtime and PyTorch differ by .* input pixels.*--tolerance'),
    (dict(limits=Limits(drop=-2.)), r'PCK@0.2 falls from .*\(trained\)'),
    (dict(images='nowhere'), '"nowhere" does not exist. Give a folder'),
    (dict(int8_images='nowhere'), '"nowhere" does not exist. Give a folder'),
    (dict(images=str(Path(__file__).parent)), 'test_deploy" holds no image'),
    (dict(images=__file__), 'test_folder.py" is a file. Give a folder'),
    (dict(int8_images='nowhere', onnx='none'), '--int8 quantises the ONNX graph'),
    (dict(onnx='tensorrt'), '--onnx tensorrt: expected one of keypoints, raw, none'),
    (dict(num_images=0), '--num-images 0: expected at least 1'),
    (dict(cfg_options={'val_dataloader.dataset.type': 'CocoDataset'}), 'validation set cannot be read: .* --images'),
])
def test_a_failure_leaves_nothing_behind(trained, tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        export_folder(*trained, str(tmp_path / 'out'), **{'num_images': 2, 'report': str, **changes})
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_file_is_refused_by_its_name(trained, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match=r'the folder ".*file" cannot be made: File exists\. Give another with --out'):
        export_folder(*trained, str(tmp_path / 'file' / 'out'), num_images=1, report=str)


def test_a_checkpoint_of_another_config_leaves_nothing_behind(trained, tmp_path):
    torch.save(tiny.build(tiny.pose_model()).state_dict(), tmp_path / 'other.pth')
    with pytest.raises(ConfigError, match='does not fit the config.*missing keys'):
        export_folder(trained[0], str(tmp_path / 'other.pth'), str(tmp_path / 'out'), report=str)
    assert [p.name for p in tmp_path.iterdir()] == ['other.pth']


def test_an_operator_that_onnx_lacks_leaves_nothing_behind(trained, tmp_path):
    @MODELS.register_module(force=True)
    class BesselHead(MODELS.get('HeatmapHead')):

        def forward(self, feats):
            return torch.special.i1(super().forward(feats))

    (tmp_path / 'run').mkdir()
    cfg = Config.fromfile(trained[0])
    cfg.model = tiny.pose_model(head='heatmap')
    cfg.model.head.type = 'BesselHead'
    cfg.dump(str(tmp_path / 'run' / 'bessel.py'))
    torch.save(tiny.build(cfg.model).state_dict(), tmp_path / 'run' / 'bessel.pth')
    with pytest.raises(ConfigError, match='ResNet with BesselHead cannot be exported to ONNX: .*i1'):
        export_folder(str(tmp_path / 'run' / 'bessel.py'), str(tmp_path / 'run' / 'bessel.pth'), str(tmp_path / 'out'),
                      num_images=1, report=str)
    assert [p.name for p in tmp_path.iterdir()] == ['run']


def test_a_student_that_diverged_is_called_so(trained, tmp_path):
    checkpoint = load_checkpoint(trained[1])
    checkpoint['state_dict']['backbone.bn1.running_var'] += float('nan')
    torch.save(dict(state_dict=checkpoint['state_dict']), tmp_path / 'nan.pth')
    with pytest.raises(ConfigError, match='"backbone.bn1.running_var" is not finite: the training has diverged'):
        export_folder(trained[0], str(tmp_path / 'nan.pth'), str(tmp_path / 'out'), report=str)


def test_weights_that_float16_cannot_hold_are_named(trained, tmp_path):
    checkpoint = load_checkpoint(trained[1])
    checkpoint['state_dict']['backbone.bn1.running_var'] += 1e6
    torch.save(dict(state_dict=checkpoint['state_dict']), tmp_path / 'large.pth')
    with pytest.raises(ConfigError, match=r'"backbone.bn1.running_var" holds values beyond 65504.*without --fp16'):
        export_folder(trained[0], str(tmp_path / 'large.pth'), str(tmp_path / 'out'), fp16=True, report=str)
    assert [p.name for p in tmp_path.iterdir()] == ['large.pth']


def test_where_nothing_is_seen_the_place_does_not_count():
    one = Prediction(np.array([[[10., 20.], [5., 5.]]]), np.array([[0.5, 0.004]]))
    other = Prediction(np.array([[[10., 20.25], [50., 50.]]]), np.array([[0.5, 0.002]]))
    assert difference(one, other) == pytest.approx((0.25, 0.004))


def test_pck_counts_joints_within_a_fifth_of_the_longer_side():
    sample = PoseDataSample(metainfo=dict(input_size=(64, 64), input_center=[50., 50.], input_scale=[128., 128.]))
    sample.gt_instances = InstanceData(
        bboxes=np.array([[0., 0., 100., 50.]]), keypoints=np.full((1, 4, 2), 50.), keypoints_visible=[[1., 1., 1., 0.]])
    found = np.array([[[32., 32.], [32., 41.9], [32., 42.1], [32., 32.]]])  # 0, 19.8, 20.2 and 0 pixels away
    assert pck(Prediction(found, np.ones((1, 4))), [dict(data_samples=sample)]) == pytest.approx(2 / 3)


def test_joints_that_the_config_chooses_have_their_own_names_pairs_and_limbs(trained, tmp_path):
    options = {'model.test_cfg.output_keypoint_indices': [9, 7, 10, 8, 0]}
    spec = export_folder(*trained, str(tmp_path / 'out'), num_images=2, cfg_options=options, report=str)
    assert spec['keypoints'] == ['left_wrist', 'left_elbow', 'right_wrist', 'right_elbow', 'nose']
    assert spec['flip_pairs'] == [[1, 3], [0, 2]]  # elbows and wrists
    assert spec['skeleton'] == [[1, 0], [3, 2]]  # the lower arms; no joint of another limb is left
    assert None not in spec['pck'].values()


@pytest.mark.parametrize('indices', [[2, 0], [2, -3]])
def test_pck_takes_the_labels_of_the_chosen_joints(indices):
    sample = PoseDataSample(metainfo=dict(input_size=(64, 64), input_center=[32., 32.], input_scale=[64., 64.]))
    sample.gt_instances = InstanceData(bboxes=np.array([[0., 0., 64., 64.]]), keypoints_visible=np.ones((1, 3)),
                                       keypoints=np.array([[[0., 0.], [30., 30.], [60., 60.]]]))
    model = SimpleNamespace(test_cfg=dict(output_keypoint_indices=indices), head=SimpleNamespace(out_channels=3))
    found = Prediction(np.array([[[60., 60.], [30., 30.]]]), np.ones((1, 2)))  # the second belongs at (0, 0)
    assert pck(found, [dict(data_samples=sample)], model) == 0.5
    assert pck(found, [dict(data_samples=sample)]) is None


@pytest.mark.parametrize('count, joints', [(3, [2, 0]), (2, [0, 1])], ids=['of the head', 'chosen already'])
def test_a_dataset_may_have_the_chosen_joints_alone(count, joints):
    model = SimpleNamespace(test_cfg=dict(output_keypoint_indices=[2, 0]), head=SimpleNamespace(out_channels=3))
    assert chosen_joints(model, count) == joints


def test_of_three_maps_a_keypoint_the_joints_are_counted():
    cfg = tiny.pose_model(keypoints=3 * 17, head='heatmap', metainfo=None)
    cfg['head'].update(loss=dict(type='CombinedTargetMSELoss'), decoder=dict(
        type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), heatmap_type='combined'))
    cfg['test_cfg'].update(output_keypoint_indices=[2, 0])
    model = tiny.build(cfg)
    assert chosen_joints(model, 17) == [2, 0]
    model.test_cfg.pop('output_keypoint_indices')
    assert describe(Config(dict(model=cfg)), model)['keypoints'] == [str(i) for i in range(17)]


def test_the_validation_set_has_the_boxes_of_the_labels(monkeypatch):
    monkeypatch.setattr('mmpose_kd.datasets.samples.DATASETS.build', dict)
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='CocoDataset', bbox_file='detected.json'))))
    assert validation_set(cfg) == dict(type='CocoDataset', bbox_file=None)
    assert cfg.test_dataloader.dataset.bbox_file == 'detected.json'


def test_a_config_without_validation_set_says_what_else_can_be_done():
    with pytest.raises(ConfigError, match='neither a val_dataloader nor a test_dataloader, .* predict. Give images.$'):
        validation_set(Config(dict(val_dataloader=None)), ' Give images.')


def test_an_existing_folder_is_not_touched(trained, tmp_path):
    (tmp_path / 'notes.txt').write_text('precious')
    with pytest.raises(ConfigError, match='exists already'):
        export_folder(*trained, str(tmp_path), report=str)
    assert [p.name for p in tmp_path.iterdir()] == ['notes.txt']


def test_an_image_that_cannot_be_read_is_named(trained, tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'broken.jpg').write_bytes(b'\xff\xd8\xff')
    with pytest.raises(ConfigError, match=r'broken.jpg" cannot be read'):
        export_folder(*trained, str(tmp_path / 'out'), images=str(tmp_path / 'images'), report=str)
    assert [p.name for p in tmp_path.iterdir()] == ['images']


@pytest.mark.parametrize('onnx', ['keypoints', 'raw'])
def test_a_head_that_regresses_is_exported_without_a_graph(tmp_path, onnx):
    codec = dict(type='RegressionLabel', input_size=(64, 64))
    model = dict(tiny.pose_model(), neck=dict(type='GlobalAveragePooling'), head=dict(
        type='RegressionHead', in_channels=32, num_joints=17, decoder=codec,
        loss=dict(type='SmoothL1Loss', use_target_weight=True)))
    tiny.runner_cfg(model, tmp_path).dump(str(tmp_path / 'cfg.py'))
    torch.save(dict(state_dict=tiny.build(model).state_dict()), tmp_path / 'a.pth')
    run = str(tmp_path / 'cfg.py'), str(tmp_path / 'a.pth')
    with pytest.raises(ConfigError, match='Head, RegressionLabel: only a head with heatmaps or SimDR'):
        export_folder(*run, str(tmp_path / 'out'), onnx=onnx, num_images=1, report=str)
    assert not (tmp_path / 'out').exists()
    export_folder(*run, str(tmp_path / 'out'), onnx='none', num_images=1, limits=Limits(drop=1.), report=str)
    assert (tmp_path / 'out' / 'checkpoint.pth').exists()


def test_a_head_around_a_head_is_exported_without_a_graph(tmp_path):
    """Its codec is that of the inner head, which says how large an image is."""
    model = tiny.pose_model(head='heatmap')
    model['head'] = dict(type='VisPredictHead', loss=dict(type='BCELoss'), pose_cfg=model['head'])
    cfg = tiny.runner_cfg(tiny.pose_model(head='heatmap'), tmp_path)
    cfg.model = model
    cfg.dump(str(tmp_path / 'cfg.py'))
    torch.save(dict(state_dict=tiny.build(model).state_dict()), tmp_path / 'a.pth')
    run = str(tmp_path / 'cfg.py'), str(tmp_path / 'a.pth'), str(tmp_path / 'out')
    with pytest.raises(ConfigError, match='VisPredictHead, NoneType: only a head with heatmaps'):
        export_folder(*run, num_images=1, report=str)
    spec = export_folder(*run, onnx='none', num_images=1, limits=Limits(drop=1.), report=str)
    assert spec['input_size'] == [64, 64] and spec['decoding']['type'] == 'MSRAHeatmap'


def test_a_codec_that_is_named_by_its_class_is_described_by_its_name(tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path)
    cfg.model.head.decoder.type = SimCCLabel  # as in MMEngine's newer configs
    assert describe(cfg, tiny.build(tiny.pose_model()))['decoding']['type'] == 'SimCCLabel'


@pytest.mark.parametrize('flags, order', [
    (dict(bgr_to_rgb=True), 'rgb'), (dict(rgb_to_bgr=True), 'rgb'), (dict(), 'bgr')], ids=str)
def test_the_channel_order_is_that_of_what_the_model_sees(flags, order, tmp_path):
    """MMPose reads images as BGR, and MMEngine's preprocessor turns the channels around for either flag."""
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path)
    cfg.model.data_preprocessor = dict(type='PoseDataPreprocessor', **flags)
    model = tiny.build(cfg.model)
    image = torch.arange(3).reshape(3, 1, 1).expand(3, 64, 64)
    seen = model.data_preprocessor(dict(inputs=[image], data_samples=[]))['inputs'][0, 0, 0, 0]
    assert describe(cfg, model)['channel_order'] == order == {0: 'bgr', 2: 'rgb'}[int(seen)]
