# Learning rates for methods.py, of the students alone, on a seed that it does not use; not run yet either.
_base_ = 'methods.py'
title = 'Learning rates of the students alone on LSPET 128x128'
seeds = [3]

rate = 'optim_wrapper.optimizer.lr'
students = {name: run for name, run in _base_.runs.items() if name.startswith('alone')}
runs = {
    '_delete_': True,
    **students,
    **{
        f'{name}-{lr:g}': dict(
            run, label=f"{run['label']}, {lr:g}", baseline=name, cfg_options={**run.get('cfg_options', {}), rate: lr})
        for name, run in students.items()
        for lr in (5e-4, 2e-3, 4e-3, 8e-3)
    }
}
del rate, students
