"""What `mim search` and `mim download` make of this package: by functions of mim, on the installed package."""
import functools
import http.server
import importlib
import threading
from pathlib import Path

import mmpose
import pytest
import yaml
from mim.commands.search import get_model_info
from mmengine.config import Config

import mmpose_kd

ROOT = Path(__file__).resolve().parent.parent
CONFIG = 'multi-kd_resnet_hrnet-w8_synthetic-64x64'


@pytest.fixture(scope='module')
def found():
    """What `mim search mmpose_kd` lists."""
    return get_model_info('mmpose_kd')


def test_search_lists_every_config_with_its_file(found):
    configs = {path.stem: path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').glob('[!_]*/*.py')}
    assert len(configs) > 100
    assert dict(found['config']) == configs


def test_search_by_model_dataset_and_field():
    chosen = get_model_info('mmpose_kd', models=['Multi-KD'], training_datasets=['MPII'], shown_fields=['student'])
    assert len(chosen) >= 4 and list(chosen.columns) == ['student']
    assert all('mpii' in name for name in chosen.index)


def test_search_shows_readme_and_paper_of_every_model(found):
    assert all((ROOT / readme).is_file() for readme in found['readme'])
    shown = found[found['model'] == 'multi-kd']
    assert set(shown['training_techniques']) == {'knowledge distillation'}


def test_students_and_teachers_that_the_metafiles_name_exist(found):
    mmposes = Path(mmpose.__file__).parent / '.mim' / 'configs'
    known = {path.stem for folder in (ROOT / 'configs', mmposes) for path in folder.rglob('*.py')}
    assert set(found['student'].dropna()) <= known


def test_download_writes_config_and_weights_once_a_model_has_some(tmp_path, monkeypatch):
    """No weights are published yet; here a local server has some."""
    (tmp_path / 'served').mkdir()
    (tmp_path / 'served' / 'student.pth').write_bytes(b'weights')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / 'served'))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index = yaml.safe_load((ROOT / 'configs' / 'multi_kd' / 'metafile.yml').read_text())
    model = next(model for model in index['Models'] if model['Name'] == CONFIG)
    assert 'Weights' not in model
    url = f'http://127.0.0.1:{server.server_port}/student.pth'

    def with_weights(package, shown_fields, to_dict):
        return {name: dict(fields, weight=url) for name, fields in get_model_info(
            package, shown_fields=['config'], to_dict=to_dict).items()}

    mim_download = importlib.import_module('mim.commands.download')  # the package has the function of that name
    monkeypatch.setattr(mim_download, 'get_model_info', with_weights)
    try:
        assert mim_download.download('mmpose_kd', [CONFIG], str(tmp_path / 'out')) == ['student.pth']
    finally:
        server.shutdown()
        server.server_close()
    assert (tmp_path / 'out' / 'student.pth').read_bytes() == b'weights'
    written = Config.fromfile(str(tmp_path / 'out' / f'{CONFIG}.py'))
    installed = Path(mmpose_kd.__file__).parent / '.mim' / model['Config']
    assert written.to_dict() == Config.fromfile(str(installed)).to_dict()
