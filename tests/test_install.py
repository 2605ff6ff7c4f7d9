"""What a user gets from ``pip install .`` and ``pip install -e .``, each in an environment of its own."""
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections import Counter
from pathlib import Path

import pytest

import mmpose_kd

ROOT = Path(__file__).parent.parent
SHIPPED = ('mmpose_kd', 'configs', 'tools', 'requirements', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md',
           'LICENSE', 'model-index.yml')
IGNORED = shutil.ignore_patterns('__pycache__', '.mim')

CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['mmpose_kd'])
codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(2, 2), sigma=1)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
    head=dict(type='HeatmapHead', in_channels=64, out_channels=17, deconv_out_channels=None, decoder=codec,
              loss=dict(type='KeypointMSELoss', use_target_weight=True)))
pipeline = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(64, 64)),
            dict(type='GenerateTarget', encoder=codec), dict(type='PackPoseInputs')]
train_dataloader = dict(batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True),
                        dataset=dict(type='SyntheticPoseDataset', num_samples=2, pipeline=pipeline))
test_dataloader = dict(train_dataloader, sampler=dict(type='DefaultSampler', shuffle=False),
                       dataset=dict(type='SyntheticPoseDataset', num_samples=2, pipeline=pipeline, test_mode=True))
val_dataloader, test_evaluator = test_dataloader, dict(type='PCKAccuracy')
val_evaluator = test_evaluator
train_cfg, val_cfg, test_cfg = dict(by_epoch=True, max_epochs=1), dict(), dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
"""


def run(*command, cwd):
    """Output of a command that has to succeed."""
    result = subprocess.run([str(part) for part in command], cwd=cwd, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A copy of the repository, with one more config and one more tool."""
    folder = tmp_path_factory.mktemp('source')
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=IGNORED)
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name)
    (folder / 'configs' / 'tiny').mkdir()
    (folder / 'configs' / 'tiny' / 'tiny_for_install.py').write_text(CONFIG)
    (folder / 'tools' / 'hello.py').write_text('import sys; print("hello", *sys.argv[1:])')
    return folder


@pytest.fixture(scope='module')
def wheel(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    run(sys.executable, '-m', 'pip', 'wheel', '--no-build-isolation', '--no-deps', '-w', folder, source, cwd=folder)
    return next(folder.glob('*.whl'))


def files_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if '.dist-info/' not in name}


def environment(folder):
    """A virtual environment that sees the packages of this one, and installs into itself."""
    run(sys.executable, '-m', 'venv', '--without-pip', folder, cwd=folder.parent)
    here, there = sysconfig.get_path('purelib'), next((folder / 'lib').glob('python*/site-packages'))
    distutils = 'import _distutils_hack; _distutils_hack.add_shim()'  # MMEngine wants it; Python 3.12 has none
    (there / 'outer.pth').write_text(f'{here}\n{distutils}\n')
    return folder / 'bin' / 'python'


def install(python, *args):
    run(python, '-m', 'pip', 'install', '--ignore-installed', '--no-build-isolation', '--no-deps', *args,
        cwd=python.parent)


def test_wheel_holds_what_mim_needs(wheel, source):
    for name in ('configs', 'tools'):
        inside = {f'mmpose_kd/.mim/{p.relative_to(source)}' for p in (source / name).rglob('*') if p.is_file()}
        assert inside and inside <= files_of(wheel)
    assert 'mmpose_kd/.mim/model-index.yml' in files_of(wheel)


def test_wheel_holds_all_modules_and_type_marker(wheel, source):
    modules = {str(p.relative_to(source)) for p in (source / 'mmpose_kd').rglob('*.py') if '.mim' not in p.parts}
    assert modules | {'mmpose_kd/py.typed'} <= files_of(wheel)


def test_wheel_holds_nothing_else(wheel):
    assert {name.split('/')[0] for name in files_of(wheel)} == {'mmpose_kd'}


def test_wheel_is_of_this_version(wheel):
    assert wheel.name == f'mmpose_kd-{mmpose_kd.__version__}-py3-none-any.whl'


def test_wheel_asks_pip_for_nothing(wheel):
    """Whoever installs it into an MMPose environment keeps every version they have."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(n for n in archive.namelist() if n.endswith('/METADATA'))).decode()
    required = [line for line in metadata.splitlines() if line.startswith('Requires-Dist:') and 'extra ==' not in line]
    assert required == []


@pytest.fixture(scope='module')
def sdist(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp('sdist')
    build = f'from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})'
    run(sys.executable, '-c', build, cwd=source)
    return next(folder.glob('*.tar.gz'))


@pytest.fixture(scope='module')
def wheel_of_sdist(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel_of_sdist')
    run(sys.executable, '-m', 'pip', 'wheel', '--no-build-isolation', '--no-deps', '-w', folder, sdist, cwd=folder)
    return next(folder.glob('*.whl'))


def test_sdist_builds_the_same_wheel(wheel, wheel_of_sdist):
    assert files_of(wheel_of_sdist) == files_of(wheel)


def test_wheel_of_sdist_installs_into_an_empty_environment(wheel_of_sdist, tmp_path):
    """Where there is nothing, not even OpenMMLab's packages, and no index to fetch them from."""
    python = tmp_path / 'env' / 'bin' / 'python'
    run(sys.executable, '-m', 'venv', tmp_path / 'env', cwd=tmp_path)
    run(python, '-m', 'pip', 'install', '--no-index', wheel_of_sdist, cwd=tmp_path)
    code = 'from importlib.metadata import version; print(version("mmpose_kd"))'
    assert run(python, '-c', code, cwd=tmp_path).strip() == mmpose_kd.__version__


def test_twine_accepts_wheel_and_sdist(wheel, sdist, tmp_path):
    pytest.importorskip('twine', reason="twine is not installed: pip install -r requirements/dev.txt")
    assert run(sys.executable, '-m', 'twine', 'check', '--strict', wheel, sdist, cwd=tmp_path).count('PASSED') == 2


def test_version_is_semantic_and_the_same_everywhere():
    assert re.fullmatch(r'\d+\.\d+\.\d+(-[0-9a-z.]+)?', mmpose_kd.__version__)
    assert f'version: {mmpose_kd.__version__}\n' in (ROOT / 'CITATION.cff').read_text()


@pytest.mark.install
@pytest.mark.parametrize('form', ['wheel', 'editable'])
def test_mim_trains_tests_and_runs(form, wheel, source, tmp_path):
    python = environment(tmp_path / 'env')
    install(python, *(['-e', source] if form == 'editable' else [wheel]))
    mim = [python, '-W', 'ignore', '-m', 'mim']
    config = 'tiny_for_install.py'
    output = run(*mim, 'train', 'mmpose_kd', config, '--gpus', '0', '--work-dir', 'work', cwd=tmp_path)
    assert f'will use {source if form == "editable" else python.parent.parent}' in output
    output = run(*mim, 'test', 'mmpose_kd', config, '--checkpoint', 'work/epoch_1.pth', '--gpus', '0', cwd=tmp_path)
    assert 'PCK' in output
    assert 'hello world' in run(*mim, 'run', 'mmpose_kd', 'hello', 'world', cwd=tmp_path)


@pytest.mark.install
def test_editable_install_links_to_the_source(source, tmp_path):
    python = environment(tmp_path / 'env')
    install(python, '-e', source)
    assert (source / 'mmpose_kd' / '.mim' / 'configs').resolve() == source / 'configs'
    assert (source / 'mmpose_kd' / '.mim' / 'tools').resolve() == source / 'tools'


def test_base_names_of_configs_are_unique():
    """``mim`` finds a config by its base name anywhere below the package, ``.mim`` included."""
    places = [ROOT / 'mmpose_kd', ROOT / 'configs', ROOT / 'tools']
    names = Counter(p.name for place in places for p in place.rglob('*.py') if '.mim' not in p.parts)
    repeated = [p for p in (ROOT / 'configs').rglob('*.py') if names[p.name] > 1]
    assert repeated == []
