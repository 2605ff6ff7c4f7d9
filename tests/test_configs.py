"""Every shipped config, as it stands, on drawn people in the files it expects."""
import functools
import math
import re
from pathlib import Path

import mmpose
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from samples import write_datasets
from steps import one_step

from mmpose_kd.config import load_config
from mmpose_kd.models.distillers.state import deployed_model
from mmpose_kd.models.distillers.teachers import teachers_by_name

ROOT = Path(__file__).parents[1] / 'configs'
FILES = sorted(ROOT.rglob('*.py'))
CONFIGS = [path for path in FILES if '_base_' not in path.parts]
DELTAS = [path for path in CONFIGS if path.parent.name not in ('students', 'teachers')]
PLAIN = [path for path in CONFIGS if path not in DELTAS]
MULTI_KD = 'multi_kd/multi-kd_litehrnet18_hrnet-w32_{}.py'


def load_from(path):
    """The checkpoint that the student starts from, if the file names one."""
    match = re.search(r"^load_from = '(.+)'$", path.read_text(), re.MULTILINE)
    return match and match[1]


def each(paths):
    return pytest.mark.parametrize('path', paths, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _own_data_only(monkeypatch):
    monkeypatch.delenv('MMPOSE_KD_LSPET', raising=False)
    # the runner formats the config's text four times, which takes longer than the step
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))
    init_default_scope('mmpose')


@pytest.fixture(scope='module')
def folder_with_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('project')
    write_datasets(folder / 'data')
    return folder


def load(name):
    return Config.fromfile(str(ROOT / name))


def weightless(model):
    """The model without memory for its weights."""
    with torch.device('meta'):
        return MODELS.build(model)


def shapes(model):
    return {name: value.shape for name, value in model.state_dict().items()}


def teachers(cfg):
    """The teachers' arguments, as a list."""
    return list(teachers_by_name(cfg.model.get('teacher')).values())


@functools.cache
def zoo():
    """Checkpoints of MMPose's zoo by their configs, as the installed MMPose names them."""
    folder = Path(mmpose.__path__[0]) / '.mim'
    files = [folder / name for name in yaml.safe_load((folder / 'model-index.yml').read_text())['Import']]
    models = [model for file in files if file.is_file() for model in yaml.safe_load(file.read_text())['Models']]
    return {model['Config'].split('configs/')[1]: model['Weights'] for model in models if 'Weights' in model}


def students(path):
    """The plain students' configs that a delta is on, if not another delta."""
    bases = re.findall(r"'(.+?\.py)'", re.search(r'_base_ = \[(.+?)\]', path.read_text(), re.DOTALL)[1])
    plain = [get_config(base) for base in bases if base.startswith('mmpose::')]
    return plain + [Config.fromfile(str(path.parent / base)) for base in bases if 'students/' in base]


@each(PLAIN)
def test_a_plain_config_trains_and_validates(path, tmp_path, folder_with_data, monkeypatch):
    monkeypatch.chdir(folder_with_data)
    logged, _ = one_step(load(path), tmp_path)
    assert math.isfinite(logged['train/loss_kpt'])
    assert f'val/{load(path).default_hooks.checkpoint.save_best}' in logged


@each(DELTAS)
def test_a_distilled_config_trains_and_leaves_a_plain_student(path, tmp_path, folder_with_data, monkeypatch):
    monkeypatch.chdir(folder_with_data)
    logged, model = one_step(load(path), tmp_path)
    assert all(math.isfinite(value) for value in logged.values())
    for name in load(path).model.objectives:
        weight = logged[f'train/weight_{name.replace("loss", "").strip("_")}']
        assert (logged[f'train/{name}'] > 0) == (weight > 0)
    assert f'val/{load(path).default_hooks.checkpoint.save_best}' in logged
    assert shapes(model) == shapes(weightless(deployed_model(load(path).model)))


@each(DELTAS)
def test_what_a_distilled_config_leaves_is_the_student_that_it_is_a_delta_on(path):
    for student in students(path):
        assert shapes(weightless(deployed_model(load(path).model))) == shapes(weightless(student.model))


@each(DELTAS)
def test_a_distilled_config_has_at_most_40_lines(path):
    assert len(path.read_text().splitlines()) <= 40


@each(DELTAS)
def test_the_default_checkpoint_is_the_last_that_training_the_teacher_writes(path):
    for teacher in teachers(load(path)):
        if teacher.config.startswith('mmpose::'):
            assert teacher.checkpoint == zoo()[teacher.config.split('::')[1]]
        else:
            epochs = load_config(teacher.config).train_cfg.max_epochs
            assert teacher.checkpoint == f'work_dirs/{Path(teacher.config).stem}/epoch_{epochs}.pth'


@each(path for path in DELTAS if load_from(path))
def test_a_student_starts_from_the_last_checkpoint_of_a_shipped_config(path):
    folder = Path(load_from(path)).parent.name
    config, = (other for other in CONFIGS if other.stem == folder)
    assert load_from(path) == f'work_dirs/{folder}/epoch_{load(config).train_cfg.max_epochs}.pth'


@each(DELTAS)
def test_the_teacher_is_found_from_a_config_elsewhere_that_inherits(path, tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(f'_base_ = [{str(path)!r}]\n')
    for teacher in teachers(load(mine)):
        assert teacher.config.startswith('mmpose::') or Path(teacher.config).is_file()


@each(CONFIGS)
def test_the_copy_that_a_run_saves_is_the_same_config(path, tmp_path):
    cfg = load(path)
    cfg.dump(str(tmp_path / 'copy.py'))
    assert load(tmp_path / 'copy.py').to_dict() == cfg.to_dict()


def test_base_names_are_unique():
    names = [path.name for path in FILES]
    assert sorted(set(names)) == sorted(names)


def test_the_data_folder_of_lspet_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv('MMPOSE_KD_LSPET', '/somewhere')
    cfg = load('students/litehrnet18_simdr_lspet-128x128.py')
    assert cfg.train_dataloader.dataset.data_root == '/somewhere'
    assert cfg.val_evaluator[2].ann_file == '/somewhere/annotations/lspet_val.json'


@pytest.mark.parametrize('data', ['mpii-256x256', 'coco-256x192'])
def test_the_recipe_is_the_papers(data):
    cfg = load(MULTI_KD.format(data))
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=5e-4)
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (300, 32)
    transform, = [t for t in cfg.train_pipeline if t.type == 'RandomBBoxTransform']
    assert (transform.rotate_factor, tuple(transform.scale_factor)) == (30, (0.75, 1.25))


@pytest.mark.parametrize('data, alpha, beta', [
    ('mpii-256x256', 0.16, 0.64),  # 0.005 * 512 bins / 16 joints, 0.04 * 512 bins / 32 images
    ('coco-256x192', 0.1317647, 0.56),  # 448 bins is the mean of 384 and 512; 17 joints
])
def test_the_weights_are_the_papers_under_our_means(data, alpha, beta):
    objectives = load(MULTI_KD.format(data)).model.objectives
    assert objectives.loss_fkd.weight == pytest.approx(alpha)
    assert objectives.loss_vkd.weight == pytest.approx(beta)


@pytest.mark.parametrize('data', ['mpii-256x256', 'lspet-128x128'])
@pytest.mark.parametrize('name, connector, allocation, names', [
    ('cross-stage', 'ConvAligner', False, {'loss_fkd'}),
    ('cross-stage-mft', 'MFTConnector', False, {'loss_fkd'}),
    ('cross-stage-wa', 'ConvAligner', True, {'loss_fkd'}),
    ('cross-stage-mft-wa', 'MFTConnector', True, {'loss_fkd'}),
    ('multi-kd', 'MFTConnector', True, {'loss_fkd', 'loss_vkd'}),
])
def test_the_rows_of_table_4(data, name, connector, allocation, names):
    model = weightless(load(f'multi_kd/{name}_litehrnet18_hrnet-w32_{data}.py').model)
    fkd = model.objectives['loss_fkd']
    assert set(model.objectives) == names
    assert [type(c).__name__ for c in fkd.connectors] == [connector] * 6
    assert (fkd.allocation is not None) == allocation


@pytest.mark.parametrize('arch, millions', [('litehrnet18', 1.1), ('litehrnet30', 1.8)])
def test_the_students_have_the_published_size_without_their_heads(arch, millions):
    backbone = weightless(load(f'students/{arch}_simdr_mpii-256x256.py').model).backbone
    assert sum(p.numel() for p in backbone.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize('arch, millions', [('hrnet-w32', 28.5), ('hrnet-w48', 63.6)])
def test_the_teachers_have_the_published_size_without_their_heads(arch, millions):
    backbone = weightless(load(f'teachers/{arch}_simdr_coco-256x192.py').model).backbone
    assert sum(p.numel() for p in backbone.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def test_every_config_is_in_the_metafile_beside_it():
    for folder in {path.parent for path in CONFIGS}:
        models = yaml.safe_load((folder / 'metafile.yml').read_text())['Models']
        assert {model['Name']: model['Config'] for model in models} == {
            path.stem: f'configs/{folder.name}/{path.name}' for path in CONFIGS if path.parent == folder}


def test_the_model_index_imports_every_metafile():
    imported = yaml.safe_load((ROOT.parent / 'model-index.yml').read_text())['Import']
    assert set(imported) == {f'configs/{path.parent.name}/metafile.yml' for path in ROOT.glob('*/metafile.yml')}
