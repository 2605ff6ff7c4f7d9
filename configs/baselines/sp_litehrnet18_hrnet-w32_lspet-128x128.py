# SP on the last stage. Its authors' weight of 3000 is over the batch size, since our loss is a mean over persons.
_base_ = ['kd_litehrnet18_hrnet-w32_lspet-128x128.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_sp=dict(
            type='FeatureObjective',
            weight=3000 / _base_.train_dataloader.batch_size,
            student_taps=['backbone.stage2[-1]'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            loss=dict(type='SimilarityLoss'))))
