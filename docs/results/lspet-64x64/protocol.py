# What all comparisons share: ten epochs, three seeds, what is measured.
seeds = [0, 1, 2]
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {
    'train_cfg.max_epochs': 10,
    'train_cfg.val_interval': 5,
    'train_dataloader.num_workers': 0,  # a worker's sending costs more than its work
    'train_dataloader.persistent_workers': False
}
