# Does a student learn the same from stored answers, in float16, as from a teacher that runs? On the same views, which a
# loader's process draws by the seed in both.
title = 'Multi-KD on drawn people with a teacher that runs and with a cached one'
seeds = [0, 1, 2]
baseline = 'running'
metrics = {'pck@0.05/PCK': 'PCK@0.05', 'pck@0.2/PCK': 'PCK@0.2', 'coco/AP': 'AP'}
cfg_options = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_DRAWN:work_dirs/hrnet-w8_simdr_synthetic-64x64/epoch_10.pth}}',
    'model.teacher.report_metric': False
}
runs = {
    'running': dict(config='configs/views.py', label='teacher that runs'),
    'cached': dict(
        config='configs/views.py', label='cached teacher',
        cfg_options={'model.teacher.cache': '{{$MMPOSE_KD_CACHE_DRAWN:work_dirs/cache_synthetic-64x64}}'})
}
