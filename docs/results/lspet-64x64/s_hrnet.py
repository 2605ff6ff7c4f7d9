# S-HRNet: ShuffleHRNet alone, and taught by HRNet-W32; learning rate and mix from tune.py.
_base_ = 'protocol.py'
title = 'ShuffleHRNet taught by HRNet-W32 on LSPET 64x64'
baseline = 'alone-shuffle'
cfg_options = {'optim_wrapper.optimizer.lr': 8e-3}

runs = {
    'alone-shuffle': dict(
        config='../../../configs/students/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py', label='ShuffleHRNet-w16'),
    's-hrnet': dict(
        config='../../../configs/study/s-hrnet_shuffle-hrnet-w16-g4_hrnet-w32_lspet-64x64.py', label='S-HRNet',
        cfg_options={
            'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
            'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
            'model.teacher.precision': 'bf16',
            'model.teacher.report_metric': False
        })
}
