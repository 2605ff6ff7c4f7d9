from collections import OrderedDict, namedtuple

import pytest
import tiny
import torch
from torch import nn

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.taps import Record, Recorder, parse_path, tensors


class Branches(nn.Module):
    """Returns a list, as HRNet's stages do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return [self.conv(x), x]


class Net(nn.Module):

    def __init__(self, runs=1):
        super().__init__()
        self.stage3, self.runs, self.unused = Branches(), runs, nn.Identity()

    def forward(self, x):
        for _ in range(self.runs):
            out = self.stage3(x)
        return out


@pytest.mark.parametrize('path, expected', [
    ('backbone.stage3[0]', ('backbone.stage3', (0, ))),
    ('backbone.stage4.2.branches.3', ('backbone.stage4.2.branches.3', ())),
    ('feats[-1]', ('feats', (-1, ))),
    ('head.x[1][-2]', ('head.x', (1, -2))),
])
def test_path_splits_into_name_and_indices(path, expected):
    assert parse_path(path) == expected


@pytest.mark.parametrize('path', ['', 'stage3[', 'stage3[a]', '[0]', 'stage 3', 3])
def test_path_of_another_form_is_refused(path):
    with pytest.raises(ConfigError, match='is not a path'):
        parse_path(path)


def test_tap_records_the_indexed_entry_of_the_output():
    net, x = Net(), torch.rand(1, 3, 4, 4)
    with Recorder(net, ['stage3[0]', 'stage3[-1]'], 'student_taps').record() as record:
        out = net(x)
    assert record['stage3[0]'] is out[0]
    assert record['stage3[-1]'] is x


def test_no_hook_stays_after_recording():
    net = Net()
    with Recorder(net, ['stage3'], 'student_taps').record():
        net(torch.rand(1, 3, 4, 4))
    assert not net.stage3._forward_hooks


def test_hooks_go_when_the_forward_pass_fails():
    net = Net()
    with pytest.raises(RuntimeError), Recorder(net, ['stage3'], 'student_taps').record():
        net(torch.rand(1, 5, 4, 4))
    assert not net.stage3._forward_hooks


def test_unknown_module_names_the_closest():
    with pytest.raises(ConfigError, match="student_taps.*stage_3.*Did you mean 'stage3'"):
        Recorder(Net(), ['stage_3'], 'student_taps')


def test_index_beyond_the_output_says_how_long_it_is():
    net = Net()
    with pytest.raises(ConfigError, match='index 5 is out of range, the output has 2'), \
            Recorder(net, ['stage3[5]'], 'student_taps').record():
        net(torch.rand(1, 3, 4, 4))


def test_index_into_a_tensor_says_to_drop_it():
    net = Net()
    with pytest.raises(ConfigError, match=r'drop the index \[0\]'), \
            Recorder(net, ['stage3.conv[0]'], 'student_taps').record():
        net(torch.rand(1, 3, 4, 4))


def test_module_that_does_not_run_is_an_error():
    net = Net()
    with pytest.raises(ConfigError, match='did not run'), Recorder(net, ['unused'], 'student_taps').record():
        net(torch.rand(1, 3, 4, 4))


def test_tap_that_a_compiled_model_leaves_out_is_an_error():
    net = Net()
    recorder = Recorder(net, ['stage3'], 'teacher_taps')
    recorder.keep_hooks()
    with pytest.raises(ConfigError, match=r'"stage3": PyTorch .* compile=True'), recorder.record():
        pass


def test_module_that_runs_twice_is_an_error():
    net = Net(runs=2)
    with pytest.raises(ConfigError, match='more than once'), Recorder(net, ['stage3'], 'student_taps').record():
        net(torch.rand(1, 3, 4, 4))


def test_head_input_and_output_are_recorded_and_the_head_runs_once():
    model = tiny.build(tiny.pose_model())
    calls = []
    model.head.mlp_head_x.register_forward_hook(lambda *args: calls.append(1))
    data = tiny.batch(model)
    with Recorder(model, [], 'student_taps').record() as record:
        model.loss(**data)
    assert [tuple(f.shape) for f in record.feats] == [(2, 32, 2, 2)]
    assert [tuple(o.shape) for o in record.outputs] == [(2, 17, 128), (2, 17, 128)]
    assert record['outputs[1]'] is record.outputs[1]
    assert len(calls) == 1
    assert 'forward' not in vars(model.head)


def test_a_forward_that_somebody_has_put_on_the_head_is_recorded_and_stays():
    model = tiny.build(tiny.pose_model())
    mine = model.head.forward = lambda feats: feats[-1].mean()
    with Recorder(model, [], 'taps').record() as record:
        model.head.forward(model.extract_feat(torch.rand(1, 3, 64, 64)))
    assert record.outputs.shape == () and model.head.forward is mine


def test_what_was_not_recorded_is_a_key_error():
    with pytest.raises(KeyError, match='stage9'):
        Record()['stage9']


def test_tensors_come_out_of_nested_lists_in_their_order():
    a, b, c = torch.zeros(1), torch.ones(2), torch.ones(3)
    assert [x.numel() for x in tensors([a, (b, [c]), None])] == [1, 2, 3]
    assert [x is a for x in tensors(a)] == [True]


def test_an_output_that_is_changed_in_place_afterwards_is_refused():
    net = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 2, 1), relu=nn.ReLU(inplace=True)))
    recorder = Recorder(net, ['conv'], 'student_taps')
    with pytest.raises(ConfigError, match='tap "conv": the model changed this output in place'), recorder.record():
        net(torch.rand(1, 3, 4, 4))


def test_a_map_in_a_list_that_is_changed_in_place_afterwards_is_refused():

    class Stages(nn.Module):

        def forward(self, x):
            return [x + 1, x + 2]

    class Net(nn.Module):

        def __init__(self):
            super().__init__()
            self.stages = Stages()

        def forward(self, x):
            self.stages(x)[1].relu_()

    net = Net()
    with pytest.raises(ConfigError, match='tap "stages": the model changed'), Recorder(net, ['stages'], '').record():
        net(torch.rand(1, 3, 4, 4))
    with Recorder(net, ['stages[0]'], '').record() as record:
        net(torch.zeros(1, 3, 4, 4))
    assert record['stages[0]'].eq(1).all()


def test_a_namedtuple_stays_one():
    pair = namedtuple('Pair', 'x y')(torch.ones(1, requires_grad=True), torch.zeros(1))
    detached = Record(outputs=pair).detach().outputs
    assert type(detached) is type(pair) and detached.x == 1 and not detached.x.requires_grad
