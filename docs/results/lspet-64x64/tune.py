# Learning rate and length of the student alone; every method then trains with what is best here.
title = 'ResNet-18-w16 alone on LSPET 64x64: learning rate and length'
seeds = [0]
baseline = 'lr2e-3'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
student = '../../../configs/students/resnet18-w16_simdr_lspet-64x64.py'
runs = {
    f'lr{lr}' + (f'_{epochs}e' if epochs != 20 else ''): dict(
        config=student, cfg_options={'train_cfg.max_epochs': epochs, 'optim_wrapper.optimizer.lr': float(lr)})
    for lr, epochs in (('2e-3', 20), ('4e-3', 20), ('1e-3', 20), ('2e-3', 40))
}
del student
