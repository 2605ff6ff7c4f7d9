"""Each repair in an environment that is broken in its way, and in one that is not.

Both are made of small stand-ins for the broken package, in a fresh process, so that the tests mean the same on every
installation.
"""
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from mmengine.utils import digit_version

PACKAGE = Path(__file__).parent.parent / 'mmpose_kd'
WEIGHTS_ONLY = digit_version(torch.__version__) >= digit_version('2.6')

# Imports mmpose_kd.compat without mmpose_kd/__init__.py, which would apply the repairs.
BARE = f"""
import sys, types
package = types.ModuleType('mmpose_kd')
package.__path__ = [{str(PACKAGE)!r}]
sys.modules['mmpose_kd'] = package
from mmpose_kd import compat
"""


def run(code, path, **env):
    """What ``code`` prints in a fresh process that finds packages in ``path`` first, no repair being applied yet."""
    result = subprocess.run([sys.executable, '-c', BARE + dedent(code)], capture_output=True, text=True,
                            env={**os.environ, 'PYTHONPATH': str(path), **env})
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def write(path, text=''):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))


@pytest.fixture
def broken_torchvision(tmp_path):
    write(tmp_path / 'torchvision' / '__init__.py', """
        import torch
        torch._C._dispatch_has_kernel_for_dispatch_key('torchvision::nms', 'Meta')  # raises where it is not declared
        """)
    return tmp_path


@pytest.fixture
def healthy_torchvision(tmp_path):
    write(tmp_path / 'torchvision' / '__init__.py', """
        import torch
        library = torch.library.Library('torchvision', 'DEF')
        library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        """)
    return tmp_path


@pytest.fixture
def mmcv_lite(tmp_path):
    write(tmp_path / 'mmcv' / '__init__.py')
    write(tmp_path / 'mmcv' / 'utils' / '__init__.py')
    write(tmp_path / 'mmcv' / 'utils' / 'ext_loader.py', """
        import importlib

        def load_ext(name, funcs):
            return importlib.import_module('mmcv.' + name)
        """)
    write(tmp_path / 'mmcv' / 'ops.py', """
        from mmcv.utils import ext_loader
        ext_module = ext_loader.load_ext('_ext', ['nms'])
        """)
    return tmp_path


def write_mmpose(path, to_numpy):
    """MMPose's conversion and two modules that import it by name."""
    write(path / 'mmpose' / '__init__.py')
    write(path / 'mmpose' / 'utils' / '__init__.py')
    write(path / 'mmpose' / 'utils' / 'tensor_utils.py', f'def to_numpy(x, copy=False): return {to_numpy}')
    for name in ('before', 'after'):
        write(path / 'mmpose' / f'{name}.py', 'from mmpose.utils.tensor_utils import to_numpy')


@pytest.fixture
def full_mmcv(mmcv_lite):
    write(mmcv_lite / 'mmcv' / '_ext.py', 'def nms(): return "compiled"')
    return mmcv_lite


def test_torchvision_without_its_library_is_imported(broken_torchvision):
    assert run('print(compat.define_torchvision_operators()); import torchvision', broken_torchvision) == 'True'


def test_torchvision_that_works_is_left_alone(healthy_torchvision):
    assert run("""
        import torch
        print(compat.define_torchvision_operators(), hasattr(torch.ops.torchvision, 'qnms'))
        """, healthy_torchvision) == 'False False'


def test_torchvision_broken_in_another_way_is_left_alone(tmp_path):
    write(tmp_path / 'torchvision' / '__init__.py', 'raise RuntimeError("the wheel is for another machine")')
    assert run("""
        import torch
        print(compat.define_torchvision_operators(), hasattr(torch.ops.torchvision, 'nms'))
        """, tmp_path) == 'False False'


def test_mmcv_lite_operators_can_be_imported(mmcv_lite):
    assert run('print(compat.defer_mmcv_operators()); import mmcv.ops', mmcv_lite) == 'True'


def test_mmcv_lite_operators_raise_when_called(mmcv_lite):
    message = run("""
        compat.defer_mmcv_operators()
        import mmcv.ops
        try:
            mmcv.ops.ext_module.nms(1, iou=2)
        except RuntimeError as error:
            print(error)
        """, mmcv_lite)
    assert '"nms"' in message and 'mim install mmcv' in message


def test_full_mmcv_is_left_alone(full_mmcv):
    assert run("""
        print(compat.defer_mmcv_operators())
        import mmcv.ops
        print(mmcv.ops.ext_module.nms())
        """, full_mmcv).split() == ['False', 'compiled']


CHECKPOINT = """
import torch
from mmengine.logging import MessageHub
hub = MessageHub('test')
hub.update_scalar('train/loss', 1.5)
torch.save(dict(message_hub=hub.state_dict()), 'checkpoint.pth')
try:
    print(torch.load('checkpoint.pth')['message_hub']['log_scalars']['train/loss'].current())
except Exception as error:
    print(type(error).__name__)
"""


def test_message_hub_is_loaded_by_plain_torch_load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run('compat.allow_mmengine_checkpoints()' + CHECKPOINT, tmp_path) == '1.5'


@pytest.mark.skipif(not WEIGHTS_ONLY, reason='torch.load loads everything before PyTorch 2.6')
def test_message_hub_is_refused_without_the_repair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(CHECKPOINT, tmp_path) == 'UnpicklingError'


@pytest.mark.skipif(not WEIGHTS_ONLY, reason='torch.load loads everything before PyTorch 2.6')
def test_safe_loading_stays_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("""
        import os, torch
        compat.allow_mmengine_checkpoints()

        class Hostile:
            def __reduce__(self):
                return os.mkdir, ('hacked',)

        torch.save(dict(state_dict={}, hook=Hostile()), 'checkpoint.pth')
        try:
            torch.load('checkpoint.pth')
        except Exception as error:
            print(type(error).__name__, os.path.exists('hacked'))
        """, tmp_path) == 'UnpicklingError False'


@pytest.mark.skipif(WEIGHTS_ONLY, reason='PyTorch >= 2.6 needs the repair')
def test_nothing_is_allowed_before_pytorch_2_6(tmp_path):
    assert run('print(compat.allow_mmengine_checkpoints())', tmp_path) == 'False'


def test_off_switches_all_repairs_off(mmcv_lite, broken_torchvision):
    assert run("""
        from mmcv.utils import ext_loader
        before = ext_loader.load_ext
        print(compat.apply(), ext_loader.load_ext is before)
        """, mmcv_lite, MMPOSE_KD_COMPAT='off') == '[] True'


def test_apply_names_what_it_repaired(mmcv_lite, broken_torchvision):
    write_mmpose(mmcv_lite, 'x.numpy()')
    applied = run('print(compat.apply()[:2])', mmcv_lite)
    assert applied == "['define_torchvision_operators', 'defer_mmcv_operators']"


DISTRIBUTED = """
import torch
from mmengine.dist import utils
from mmengine.model import MMDistributedDataParallel
torch.cuda.set_device = lambda device: print('selects device', device)
import mmengine.device
mmengine.device.get_device = lambda: {device!r}
before = MMDistributedDataParallel.__init__, utils._init_dist_pytorch
print(compat.distribute_without_gpu())
print(before == (MMDistributedDataParallel.__init__, utils._init_dist_pytorch))
"""
ONE_PROCESS = dict(RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='0')


def test_a_machine_without_gpu_opens_a_process_group_and_wraps_a_model(tmp_path):
    code = DISTRIBUTED.format(device='cpu') + """
utils.init_dist('pytorch', backend='gloo')
model = MMDistributedDataParallel(module=torch.nn.Linear(2, 2), device_ids=[0], find_unused_parameters=False)
print(torch.distributed.get_backend(), model.device_ids)
"""
    lines = run(code, tmp_path, **ONE_PROCESS).split('\n')
    assert [line for line in lines if not line.startswith('[Gloo]')] == ['True', 'False', 'gloo None']


def test_a_machine_with_a_gpu_distributes_as_before(tmp_path):
    assert run(DISTRIBUTED.format(device='cuda'), tmp_path).split('\n') == ['False', 'True']


MLFLOW = """
import io, re
import PIL.Image

def set_tracking_uri(uri): pass
def get_experiment_by_name(name): return name
def set_experiment(name): pass
def log_metrics(metrics, step):
    for name in metrics:
        if not re.match(r'^[/\\w.\\- :]*$', name):
            raise ValueError(f'Invalid value "{name}"')
    print(step, metrics)
def log_metric(name, value, step): log_metrics({name: value}, step)
def log_image(image, artifact_file):
    PIL.Image.fromarray(image).save(io.BytesIO(), PIL.Image.registered_extensions()['.' + artifact_file.split('.')[1]])
    print(artifact_file)
"""
LOGS = """
import numpy as np
from mmengine.visualization import MLflowVisBackend
backend = MLflowVisBackend('work')
backend.add_scalars({'loss_kpt': 2, 'coco/AP (M)': 0.5}, 7)
backend.add_scalar('pck@0.05/PCK', 0.25, step=8)
backend.add_image('distill_poses', np.zeros((4, 4, 3), np.uint8), 9)
backend.add_image('poses.jpg', np.zeros((4, 4, 3), np.uint8), 9)
"""


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / 'mlflow.py', MLFLOW)
    return tmp_path


def test_mlflow_gets_names_that_it_takes(mlflow):
    assert run('print(compat.name_for_mlflow())' + LOGS, mlflow).split('\n') == [
        'True', "7 {'loss_kpt': 2, 'coco/AP _M_': 0.5}", "8 {'pck_0.05/PCK': 0.25}", 'distill_poses_9.png', 'poses.jpg']


@pytest.mark.parametrize('log, error', [("backend.add_scalars({'coco/AP (M)': 0.5}, 7)", 'ValueError'),
                                        ("backend.add_image('poses', np.zeros((4, 4, 3), np.uint8))", 'IndexError')])
def test_mlflow_refuses_other_names_without_the_repair(log, error, mlflow):
    assert run(f"""
        import numpy as np
        from mmengine.visualization import MLflowVisBackend
        backend = MLflowVisBackend('work')
        try:
            {log}
        except Exception as error:
            print(type(error).__name__)
        """, mlflow) == error


def test_nothing_is_named_for_mlflow_where_it_is_not_installed(tmp_path):
    assert run("""
        import importlib.util
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name: None if name == 'mlflow' else find(name)
        from mmengine.visualization import MLflowVisBackend
        before = MLflowVisBackend.add_scalars
        print(compat.name_for_mlflow(), MLflowVisBackend.add_scalars is before)
        """, tmp_path) == 'False True'


def test_bfloat16_reaches_numpy_as_float32(tmp_path):
    write_mmpose(tmp_path, 'x.numpy()')
    assert run("""
        import torch
        import mmpose.before
        print(compat.convert_bfloat16())
        import mmpose.after
        for module in mmpose.before, mmpose.after:
            for dtype in torch.bfloat16, torch.float64:
                array = module.to_numpy(torch.tensor([1.5], dtype=dtype), copy=True)
                print(array, array.dtype)
        """, tmp_path).split('\n') == ['True', *(['[1.5] float32', '[1.5] float64'] * 2)]


def test_a_conversion_that_takes_bfloat16_is_left_alone(tmp_path):
    write_mmpose(tmp_path, 'x.float().numpy()')
    assert run("""
        from mmpose.utils import tensor_utils
        before = tensor_utils.to_numpy
        print(compat.convert_bfloat16(), tensor_utils.to_numpy is before)
        """, tmp_path) == 'False True'


def test_checkpointing_trains_what_gets_no_gradient(tmp_path):
    assert run("""
        import torch
        from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

        def trained():
            model = torch.nn.Sequential(torch.nn.Linear(2, 1))
            turn_on_activation_checkpointing(model, '0')
            return model(torch.zeros(1, 2)).requires_grad

        print(trained(), compat.checkpoint_with_gradients(), trained())
        print(compat.checkpoint_with_gradients())  # as where it is not broken
        """, tmp_path).split() == ['False', 'True', 'True', 'False']


def test_importing_the_package_draws_no_random_number(tmp_path):
    assert run("""
        import torch
        before = torch.get_rng_state()
        compat.apply()
        print(torch.equal(torch.get_rng_state(), before))
        """, tmp_path) == 'True'


AMP = """
import torch
from mmengine.optim import AmpOptimWrapper
layer = torch.nn.Linear(2, 1, bias=False)
torch.nn.init.ones_(layer.weight)

def wrap(**kwargs):
    try:
        return AmpOptimWrapper(optimizer=torch.optim.SGD(layer.parameters(), lr=0.25), **kwargs)
    except Exception as error:
        print(type(error).__name__)
"""


@pytest.fixture
def no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    return tmp_path


@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
def test_amp_trains_in_bfloat16_without_a_gpu(dtype, no_gpu):
    assert run('print(compat.autocast_without_gpu())' + AMP + f"""
compat.emulates = lambda dtype: False
wrapper = wrap(dtype={dtype!r})
with wrapper.optim_context(layer):
    output = layer(torch.tensor([[1., 2.]]))
wrapper.update_params(output.sum())
print(output.dtype, layer.weight.dtype, layer.weight.tolist())
""", no_gpu).split('\n') == ['True', 'torch.bfloat16 torch.float32 [[0.75, 0.5]]']


@pytest.mark.parametrize('emulated, said', [(True, 'Take OptimWrapper.'), (False, '')])
def test_a_processor_without_bfloat16_is_told_what_amp_costs_there(emulated, said, no_gpu):
    assert run('compat.autocast_without_gpu()' + AMP + f"""
compat.emulates = lambda dtype: {emulated}
compat.print_log = lambda message, *args: print(message[-18:])
wrap()
""", no_gpu) == said


@pytest.mark.parametrize('repair, dtype, error', [(False, 'bfloat16', 'AssertionError'),
                                                  (True, 'float16', 'ValueError')])
def test_amp_refuses_what_it_cannot_do_without_a_gpu(repair, dtype, error, no_gpu):
    assert run(('compat.autocast_without_gpu()' if repair else '') + AMP + f'wrap(dtype={dtype!r})', no_gpu) == error


@pytest.mark.parametrize('healthy', [
    'mmengine.device.get_device = lambda: "cuda"',
    'mmengine.optim.optimizer.amp_optimizer_wrapper.is_cuda_available = lambda: True',  # a version that does not ask
])
def test_amp_is_left_alone_where_it_works(healthy, no_gpu):
    assert run(f"""
        import mmengine.device, mmengine.optim
        {healthy}
        before = mmengine.optim.AmpOptimWrapper.__init__
        print(compat.autocast_without_gpu(), mmengine.optim.AmpOptimWrapper.__init__ is before)
        """, no_gpu) == 'False True'
