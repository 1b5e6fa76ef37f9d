import runpy
import sys

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.runner import load_checkpoint
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.registry import MODELS

from i2vda_mmseg.apis.export import check_export, export_checkpoint, stock_config
from i2vda_mmseg.errors import ConfigError


def test_the_export_predicts_identically_in_stock_mmsegmentation(trained, tiny_config, tmp_path, world):
    checkpoint = trained('i2vda') / 'iter_6.pth'
    config = tiny_config('i2vda', tmp_path / 'unused')
    out = export_checkpoint(str(checkpoint), str(tmp_path / 'stock' / 'segmentor.pth'))
    check_export(stock_config(config), out)
    stock_config(config).dump(tmp_path / 'stock.py')

    stock = init_model(str(tmp_path / 'stock.py'), str(out), device='cpu')
    stock.load_state_dict(torch.load(out, weights_only=False)['state_dict'], strict=True)
    assert type(stock).__name__ == 'EncoderDecoder'
    assert stock.dataset_meta['classes'][:2] == ('road', 'sidewalk')

    method = MODELS.build(config.model).eval()
    load_checkpoint(method, str(checkpoint), strict=True)
    image = str(next((world / 'cityscapes').glob('leftImg8bit_sequence/val/*/*.png')))
    sample = Compose(config.val_dataloader.dataset.pipeline)(dict(img_path=image))
    ours = method.test_step(pseudo_collate([sample]))[0]
    theirs = inference_model(stock, image)
    assert theirs.seg_logits.data.shape == (15, 64, 96)
    assert torch.equal(theirs.seg_logits.data, ours.seg_logits.data)

    inferencer = MMSegInferencer(str(tmp_path / 'stock.py'), str(out), device='cpu', show_progress=False)
    result = inferencer([image, mmcv.imread(image)], out_dir=str(tmp_path / 'out'))
    for prediction in result['predictions']:
        np.testing.assert_array_equal(prediction, ours.pred_sem_seg.data[0])
    assert len(list((tmp_path / 'out' / 'vis').iterdir())) == 2


def test_weights_of_another_network_are_refused(tiny_config, tmp_path):
    config = tiny_config('source_only', tmp_path / 'unused')
    model = MODELS.build(config.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'method.pth')
    out = export_checkpoint(str(tmp_path / 'method.pth'), str(tmp_path / 'stock.pth'))
    check_export(stock_config(config), out)
    config.model.segmentor.decode_head.dilations = (6, 12)
    with pytest.raises(ValueError, match=r'does not fit the config.*decode_head\.convs\.2.*--cfg-options'):
        check_export(stock_config(config), out)


@pytest.mark.parametrize('method', ['source_only', 'advent', 'i2vda'])
@pytest.mark.parametrize('stock', [lambda path: init_model(path, device='cpu'),
                                   lambda path: MMSegInferencer(path, device='cpu')])  # fmt: skip
def test_stock_inference_of_a_method_is_told_to_export(tiny_config, tmp_path, method, stock):
    tiny_config(method, tmp_path / 'unused').dump(tmp_path / 'method.py')
    with pytest.raises(ConfigError, match=r'^model\..*tools/export\.py'):
        stock(str(tmp_path / 'method.py'))


def test_a_checkpoint_without_a_segmentor_is_refused(tmp_path):
    torch.save({'state_dict': {'backbone.weight': torch.zeros(1)}}, tmp_path / 'foreign.pth')
    with pytest.raises(ValueError, match=r"foreign\.pth holds no segmentor\.\* keys.*'backbone\.weight'"):
        export_checkpoint(str(tmp_path / 'foreign.pth'), str(tmp_path / 'out.pth'))


def test_the_checkpoint_and_the_config_to_export_are_never_written_over(tmp_path, request, monkeypatch):
    main = runpy.run_path(str(request.config.rootpath / 'tools/export.py'))['main']
    checkpoint, config = tmp_path / 'iter_100.pth', tmp_path / 'leaf.py'
    torch.save({'state_dict': {'segmentor.backbone.weight': torch.zeros(1)}, 'optimizer': {}}, checkpoint)
    config.write_text('model = dict(type="SourceOnly")')
    before = checkpoint.read_bytes(), config.read_text()
    out = tmp_path / 'iter_100'
    for arguments, said in [
        ([out, '--format', 'onnx', 'mmseg'], r'iter_100\.pth is the checkpoint to export, which would be lost'),
        ([checkpoint], r'iter_100\.pth is the checkpoint to export'),
        ([tmp_path / 'leaf.pth', '--config', config], r'leaf\.py is the config of the method, which would be lost'),
    ]:
        monkeypatch.setattr(sys, 'argv', ['export.py', str(checkpoint), *map(str, arguments)])
        with pytest.raises(ValueError, match=said):
            main()
    with pytest.raises(ValueError, match='is the checkpoint to export'):
        export_checkpoint(str(checkpoint), str(checkpoint))
    assert (checkpoint.read_bytes(), config.read_text()) == before


def test_the_config_of_a_plain_network_is_refused():
    config = Config(dict(model=dict(type='EncoderDecoder', backbone=dict(type='ResNet'))))
    with pytest.raises(ConfigError, match=r'^model\.type: EncoderDecoder is a plain network'):
        stock_config(config)


def test_a_file_that_holds_a_list_is_no_checkpoint(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match=r'list\.pth holds no weights.*it has a list'):
        export_checkpoint(str(tmp_path / 'list.pth'), str(tmp_path / 'out.pth'))
