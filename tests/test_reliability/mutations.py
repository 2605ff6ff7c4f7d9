"""Ways to break a config. Each takes a config, breaks it in place, and returns what the error has to name.

None where the config has no such part.
"""
import copy
from pathlib import Path


def _objective(cfg, key=None):
    """The first objective (that has a key), and its name."""
    for name, objective in (cfg.model.get('objectives') or {}).items():
        if key is None or key in objective:
            return objective, name
    return None, None


def _teacher(cfg):
    teacher = cfg.model.get('teacher')
    return teacher if teacher and 'config' in teacher else None


def _dataset(cfg):
    dataset = cfg.train_dataloader.dataset
    return dataset.get('dataset', dataset)


def _head(cfg):
    """The head that decodes: the wrapped one of a head with a base."""
    return cfg.model.head.get('base', cfg.model.head)


def _step(cfg, kind):
    return next((step for step in _dataset(cfg).pipeline if step.type == kind), None)


def _set(part, key, value, expected=None):
    """Set a key of a part, if the part has it."""
    if part is None or key not in part:
        return None
    part[key] = value
    return expected or key


def _add(part, key, value, expected=None):
    """Set a key of a part, whether the part has it or not."""
    part[key] = value
    return expected or key


def _rename(part, key, new):
    if part is None or key not in part:
        return None
    part[new] = part.pop(key)
    return f'{new}|{key}'


def _drop(part, key):
    if part is None or key not in part:
        return None
    part.pop(key)
    return key


def _negative_loss(cfg):
    loss = _head(cfg).get('loss')
    if not isinstance(loss, dict):
        return None
    loss.loss_weight = -1.0
    return 'loss_weight'


def _swapped_sides(cfg):
    objective, _ = _objective(cfg, 'student_taps')
    if objective is None or list(objective.student_taps) == list(objective.teacher_taps):
        return None
    for key in ('taps', 'channels', 'strides'):
        if f'student_{key}' in objective:
            student, teacher = objective[f'student_{key}'], objective[f'teacher_{key}']
            objective[f'student_{key}'], objective[f'teacher_{key}'] = teacher, student
    return 'taps|feats|channels'


def _student_as_teacher(cfg):
    """The student's own config beside the teacher's weights."""
    teacher = _teacher(cfg)
    if teacher is None:
        return None
    teacher.pop('allow_random_weights')
    plain = {key: copy.deepcopy(value) for key, value in cfg.model.items()
             if key not in ('teacher', 'objectives', 'frozen')}
    teacher.config, teacher.checkpoint = dict(plain, type='TopdownPoseEstimator'), 'work_dirs/teacher.pth'
    return 'checkpoint "work_dirs/teacher.pth" does not fit|taps|teacher.pth" does not exist'


def _other_keypoints(cfg):
    dataset = _dataset(cfg)
    dataset.metainfo = dict(from_file='configs/_base_/datasets/animalpose.py')
    return 'keypoints|out_channels'


def _schedule(**schedule):
    def mutate(cfg):
        objective, _ = _objective(cfg)
        if objective is None:
            return None
        objective.weight = schedule
        return 'weight'
    return mutate


def _unknown_teacher(cfg):
    if _teacher(cfg) is None:
        return None
    _objective(cfg)[0].teacher = 'profesor'
    return 'profesor'


def _unknown_frozen(cfg):
    if 'objectives' not in cfg.model:
        return None
    cfg.model.frozen = ['backbon']
    return 'frozen'


def _iterations_in_epochs(cfg):
    cfg.train_cfg = dict(by_epoch=False, max_epochs=2)
    return 'by_epoch'


def _epochs_in_iterations(cfg):
    if 'objectives' not in cfg.model:
        return None
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    _objective(cfg)[0].weight = dict(type='WarmUp', until=1, weight=dict(type='Stop', value=1., at=0.5, by_epoch=True))
    return 'by_epoch'


def _work_dir_is_a_file(cfg):
    Path(cfg.work_dir).parent.mkdir(parents=True, exist_ok=True)
    Path(cfg.work_dir).write_text('mine')
    return 'work_dir'


def _unknown_hook(cfg):
    cfg.default_hooks.mine = dict(type='NoSuchHook')
    return 'NoSuchHook'


def _end_before_begin(cfg):
    cfg.param_scheduler[0].update(begin=9, end=3)
    return r'begin|end'


def _unnamed_objective(cfg):
    objective, name = _objective(cfg)
    return objective and _rename(cfg.model.objectives, name, 'imitation')


def _entry(key, value):
    """Another value for the first entry of a list in an objective."""
    def mutate(cfg):
        objective, _ = _objective(cfg, key)
        if objective is None:
            return None
        objective[key] = [value(objective[key][0]), *objective[key][1:]]
        return key.replace('student_taps', 'student_taps|tap ').replace('teacher_taps', 'teacher_taps|tap ')
    return mutate


def _part_of_objective(part, key, value):
    def mutate(cfg):
        objective, _ = _objective(cfg, part)
        return _set(objective[part], key, value, value) if isinstance((objective or {}).get(part), dict) else None
    return mutate


MUTATIONS = dict(
    # something is missing
    no_model=lambda c: _drop(c, 'model'),
    no_model_type=lambda c: _drop(c.model, 'type'),
    no_backbone=lambda c: _drop(c.model, 'backbone'),
    no_backbone_type=lambda c: _drop(c.model.backbone, 'type') and 'backbone.*type|type.*backbone',
    no_head_channels=lambda c: _drop(_head(c), 'in_channels'),
    no_keypoints=lambda c: _drop(_head(c), 'out_channels'),
    no_optimizer=lambda c: _drop(c, 'optim_wrapper'),
    no_optimizer_type=lambda c: _drop(c.optim_wrapper.optimizer, 'type') and 'optimizer.*type|type.*optimizer',
    no_dataset=lambda c: _drop(c.train_dataloader, 'dataset'),
    no_batch_size=lambda c: _drop(c.train_dataloader, 'batch_size'),
    no_epochs=lambda c: _drop(c.train_cfg, 'max_epochs'),
    no_pipeline_type=lambda c: _drop(_dataset(c).pipeline[0], 'type') and 'type',
    no_encoder=lambda c: _drop(_step(c, 'GenerateTarget'), 'encoder'),
    # the wrong type of value
    backbone_is_text=lambda c: _set(c.model, 'backbone', 'ResNet'),
    head_is_a_list=lambda c: _set(c.model, 'head', ['HeatmapHead']),
    channels_are_text=lambda c: _set(_head(c), 'in_channels', 'many'),
    keypoints_are_text=lambda c: _set(_head(c), 'out_channels', 'seventeen'),
    batch_size_is_text=lambda c: _set(c.train_dataloader, 'batch_size', '32'),
    workers_are_text=lambda c: _set(c.train_dataloader, 'num_workers', 'two'),
    epochs_are_text=lambda c: _set(c.train_cfg, 'max_epochs', '10'),
    rate_is_text=lambda c: _set(c.optim_wrapper.optimizer, 'lr', 'fast'),
    size_is_a_number=lambda c: _set(_head(c).decoder, 'input_size', 64),
    pipeline_is_text=lambda c: _set(_dataset(c), 'pipeline', 'LoadImage'),
    mean_is_text=lambda c: _set(c.model.data_preprocessor, 'mean', 'imagenet'),
    seed_is_text=lambda c: _set(c.randomness, 'seed', 'zero'),
    # numbers out of range
    no_batch=lambda c: _set(c.train_dataloader, 'batch_size', 0),
    negative_workers=lambda c: _set(c.train_dataloader, 'num_workers', -1),
    no_epoch=lambda c: _set(c.train_cfg, 'max_epochs', 0),
    no_interval=lambda c: _set(c.train_cfg, 'val_interval', 0),
    negative_rate=lambda c: _set(c.optim_wrapper.optimizer, 'lr', -1e-3),
    negative_loss=_negative_loss,
    no_accumulation=lambda c: _add(c.optim_wrapper, 'accumulative_counts', 0),
    negative_clipping=lambda c: _add(c.optim_wrapper, 'clip_grad', dict(max_norm=-1.), 'max_norm'),
    clipping_to_nothing=lambda c: _add(c.optim_wrapper, 'clip_grad', dict(max_norm=0), 'max_norm'),
    no_interval_of_checkpoints=lambda c: _add(c.default_hooks.checkpoint, 'interval', 0),
    interval_of_checkpoints_is_text=lambda c: _add(c.default_hooks.checkpoint, 'interval', 'often'),
    large_momentum=lambda c: _add(c, 'custom_hooks', [dict(type='EMAHook', momentum=2.)], 'momentum'),
    no_interval_of_pictures=lambda c: _add(
        c, 'custom_hooks', [dict(type='DistillVisualizationHook', interval=0)], 'interval'),
    no_spread=lambda c: _set(_head(c).decoder, 'sigma', 0),
    no_std=lambda c: _set(c.model.data_preprocessor, 'std', [0., 0., 0.]),
    two_means=lambda c: _set(c.model.data_preprocessor, 'mean', [1., 2.]),
    schedule_of_rate_ends_before_it_begins=_end_before_begin,
    # names that nothing has
    unknown_model=lambda c: _set(c.model, 'type', 'MultiKDistiler', 'MultiKDistiler'),
    unknown_backbone=lambda c: _set(c.model.backbone, 'type', 'ResNot', 'ResNot'),
    unknown_head=lambda c: _set(_head(c), 'type', 'SimDRHaed', 'SimDRHaed'),
    unknown_codec=lambda c: _set(_step(c, 'GenerateTarget').encoder, 'type', 'SimDRLable', 'SimDRLable'),
    unknown_decoder=lambda c: _set(_head(c).decoder, 'type', 'SimDRLable', 'SimDRLable'),
    unknown_optimizer=lambda c: _set(c.optim_wrapper.optimizer, 'type', 'Adamm', 'Adamm'),
    unknown_dataset=lambda c: _set(_dataset(c), 'type', 'CocoDatset', 'CocoDatset'),
    unknown_transform=lambda c: _set(_dataset(c).pipeline[1], 'type', 'GetBBox', 'GetBBox'),
    unknown_sampler=lambda c: _set(c.train_dataloader.sampler, 'type', 'NoSampler', 'NoSampler'),
    unknown_scheduler=lambda c: _set(c.param_scheduler[0], 'type', 'LinearRL', 'LinearRL'),
    unknown_hook=_unknown_hook,
    unknown_preprocessor=lambda c: _set(c.model.data_preprocessor, 'type', 'NoProcessor', 'NoProcessor'),
    misspelt_argument_of_head=lambda c: _rename(_head(c), 'in_channels', 'in_chanels'),
    misspelt_argument_of_model=lambda c: _rename(c.model, 'head', 'haed'),
    misspelt_argument_of_codec=lambda c: _rename(_step(c, 'GenerateTarget').encoder, 'sigma', 'sigmma'),
    misspelt_argument_of_optimizer=lambda c: _rename(c.optim_wrapper.optimizer, 'lr', 'learning_rate'),
    misspelt_argument_of_scheduler=lambda c: _rename(c.param_scheduler[0], 'start_factor', 'strat_factor'),
    misspelt_argument_of_loop=lambda c: _rename(c.train_cfg, 'max_epochs', 'max_epoch'),
    misspelt_argument_of_transform=lambda c: _rename(_step(c, 'TopdownAffine'), 'input_size', 'inputsize'),
    misspelt_argument_of_checkpoints=lambda c: _add(
        c.default_hooks.checkpoint, 'max_keep_ckpt', 3, 'max_keep_ckpt.*max_keep_ckpts'),
    misspelt_argument_of_clipping=lambda c: _add(c.optim_wrapper, 'clip_grad', dict(max_nrom=35.), 'max_nrom'),
    misspelt_argument_of_wrapper=lambda c: _add(c.optim_wrapper, 'clip_gard', dict(max_norm=35.), 'clip_gard'),
    unknown_wrapper=lambda c: _add(c.optim_wrapper, 'type', 'AmpOptimWraper', 'AmpOptimWraper'),
    misspelt_schedulers=lambda c: _rename(c, 'param_scheduler', 'param_schedular'),
    misspelt_hooks=lambda c: _rename(c, 'default_hooks', 'defualt_hooks'),
    misspelt_test=lambda c: _rename(c.model.test_cfg, 'flip_test', 'flip_tset'),
    # parts that do not fit each other
    wrong_channels=lambda c: _set(_head(c), 'in_channels', 7),
    wrong_number_of_keypoints=lambda c: _set(_head(c), 'out_channels', _head(c).out_channels + 1),
    other_keypoints=_other_keypoints,
    other_size_of_images=lambda c: _set(_step(c, 'TopdownAffine'), 'input_size', (96, 96)),
    other_codec=lambda c: _set(_step(c, 'GenerateTarget').encoder, 'input_size', (96, 96)),
    # distillation
    no_teacher=lambda c: _drop(c.model, 'teacher') if _teacher(c) else None,
    no_objectives=lambda c: _drop(c.model, 'objectives'),
    empty_objectives=lambda c: _set(c.model, 'objectives', {}),
    no_weights=lambda c: _drop(_teacher(c), 'allow_random_weights') and 'checkpoint',
    no_config_of_teacher=lambda c: _set(_teacher(c), 'config', 'nowhere/teacher.py', 'nowhere/teacher.py'),
    absent_weights=lambda c: _set(_teacher(c), 'allow_random_weights', False) and
    (_teacher(c).update(checkpoint='nowhere.pth') or 'nowhere.pth'),
    unknown_precision=lambda c: _teacher(c) and (_teacher(c).update(precision='fp8') or 'precision'),
    compile_that_is_no_flag=lambda c: _teacher(c) and (_teacher(c).update(compile='max') or 'compile'),
    misspelt_argument_of_teacher=lambda c: _rename(_teacher(c), 'config', 'confg'),
    unknown_objective=lambda c: _set(_objective(c)[0], 'type', 'OutputObjectiv', 'OutputObjectiv'),
    unknown_loss=_part_of_objective('loss', 'type', 'SimDRKLos'),
    unknown_connector=_part_of_objective('connector', 'type', 'MFTConector'),
    misspelt_argument_of_objective=lambda c: _rename(_objective(c)[0], 'weight', 'wieght'),
    unnamed_objective=_unnamed_objective,
    negative_weight=lambda c: _set(_objective(c)[0], 'weight', -1.0),
    weight_is_text=lambda c: _set(_objective(c)[0], 'weight', 'high'),
    unknown_student_tap=_entry('student_taps', lambda tap: tap.replace('backbone', 'backbon').replace('feats', 'feat')),
    unknown_teacher_tap=_entry('teacher_taps', lambda tap: tap.replace('backbone', 'backbon').replace('feats', 'feat')),
    tap_beyond_the_list=_entry('teacher_taps', lambda tap: tap.split('[')[0] + '[9]'),
    tap_is_a_number=_entry('student_taps', lambda tap: 3),
    wrong_student_channels=_entry('student_channels', lambda channels: channels + 1),
    wrong_teacher_channels=_entry('teacher_channels', lambda channels: channels + 1),
    channels_of_taps_are_text=_entry('student_channels', lambda channels: str(channels)),
    no_stride=_entry('teacher_strides', lambda stride: 0),
    swapped_sides=_swapped_sides,
    student_as_teacher=_student_as_teacher,
    schedule_ends_before_it_begins=_schedule(type='Linear', start=1., end=0., begin=0.8, until=0.2),
    schedule_beyond_the_end=_schedule(type='Stop', value=1., at=1.5),
    unknown_schedule=_schedule(type='Linaer', start=1., end=0.),
    schedule_without_end=_schedule(type='Linear', start=1.),
    unknown_teacher=_unknown_teacher,
    unknown_frozen=_unknown_frozen,
    all_frozen=lambda c: _add(c.model, 'frozen', ['backbone', 'head'], 'frozen') if 'objectives' in c.model else None,
    # what MMEngine's runner reads
    no_sampler=lambda c: _drop(c.train_dataloader, 'sampler'),
    unknown_collation=lambda c: _add(c.train_dataloader, 'collate_fn', dict(type='no_collate'), 'train_dataloader'),
    fewer_samples_than_a_batch=lambda c: c.train_dataloader.update(batch_size=10000, drop_last=True) or 'batch_size',
    endless_rate=lambda c: _set(c.optim_wrapper.optimizer, 'lr', float('inf'), 'optimizer.lr'),
    misspelt_paramwise=lambda c: _add(c.optim_wrapper, 'paramwise_cfg', dict(custom_kyes={}), 'custom_kyes'),
    rate_scaled_by_nothing=lambda c: _add(c, 'auto_scale_lr', dict(enable=True, base_batch_size=0)),
    scheduler_without_type=lambda c: _add(c, 'param_scheduler', [dict(begin=0, end=5)]),
    hook_without_type=lambda c: _add(c, 'custom_hooks', [dict(priority=1)]),
    iterations_in_epochs=_iterations_in_epochs,
    epochs_in_iterations=_epochs_in_iterations,
    misspelt_seed=lambda c: _add(c, 'randomness', dict(sed=1)),
    unknown_start_method=lambda c: _add(c, 'env_cfg', dict(mp_cfg=dict(mp_start_method='none'))),
    unknown_log_level=lambda c: _add(c, 'log_level', 'LOUD'),
    misspelt_scope=lambda c: _add(c, 'default_scope', 'mmpoze'),
    absent_start=lambda c: _add(c, 'load_from', 'nowhere.pth'),
    absent_weights_of_backbone=lambda c: _add(
        c.model.backbone, 'init_cfg', dict(type='Pretrained', checkpoint='nowhere.pth'), 'init_cfg.checkpoint'),
    absent_metainfo=lambda c: _add(c.model, 'metainfo', dict(from_file='nowhere.py'), 'model.metainfo'),
    absent_metainfo_of_teacher=lambda c: _teacher(c) and _add(
        _teacher(c), 'metainfo', dict(from_file='nowhere.py'), 'teacher.metainfo'),
    resume_is_a_path=lambda c: _add(c, 'resume', 'epoch_3.pth'),
    start_is_a_number=lambda c: _add(c, 'load_from', 3),
    test_is_text=lambda c: _add(c.model, 'test_cfg', 'flip'),
    flip_is_text=lambda c: _add(c.model, 'test_cfg', dict(flip_test='yes'), 'flip_test'),
    unknown_flip=lambda c: _add(c.model, 'test_cfg', dict(flip_test=True, flip_mode='mirror'), 'flip_mode'),
    begin_of_validation_is_text=lambda c: _add(c.train_cfg, 'val_begin', '3'),
    misspelt_argument_of_average=lambda c: _add(c, 'custom_hooks', [dict(type='EMAHook', momentun=0.1)], 'momentun'),
    cache_is_a_number=lambda c: _teacher(c) and _add(_teacher(c), 'cache', 3),
    work_dir_is_a_file=_work_dir_is_a_file,
)
