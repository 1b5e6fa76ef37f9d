"""Exports of a network of a tiny street: what they compute, what they say of themselves, what is refused."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from helpers import TinyBackbone
from mmseg.registry import MODELS

from i2vda_mmseg.apis import export_check
from i2vda_mmseg.apis.export_check import Batch, compare
from i2vda_mmseg.apis.export_runtimes import ExportSettings, export_runtimes
from i2vda_mmseg.engine.exported_program import open_program
from i2vda_mmseg.engine.frame_network import FrameNetwork
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.runtime import ExportedNetwork, FrameLabeller, RuntimeOptions, open_network
from i2vda_mmseg.runtime.card import EXAMPLE

RNG = np.random.default_rng(0)
OUTPUTS = ('logits', 'probs', 'labels')


def open_any(path):
    return open_program(path) if path.suffix == '.pt2' else open_network(path, RuntimeOptions(threads=1))


def test_every_format_computes_what_the_method_tests_with(exported, frames):
    config, checkpoint, results = exported
    folder = next(iter(results)).parent
    assert sorted(path.name for path in folder.iterdir()) == ['net.bin', 'net.onnx', 'net.pt2', 'net.xml']
    assert [path.suffix for path in results] == ['.onnx', '.xml', '.pt2']
    eager, predictor = FrameNetwork.load(config, checkpoint), FramePredictor.load(config, checkpoint)
    batch = RNG.integers(256, size=(3, 3, 41, 67), dtype=np.uint8)  # neither of the sizes nor batches of the export
    logits = eager(torch.from_numpy(batch))[0]
    for path, comparisons in results.items():
        sizes = {(each.width, each.height, each.batch) for each in comparisons}
        assert sizes == {(64, 32, 1), (64, 32, 2), (49, 25, 1), (49, 25, 2)}
        assert all(each.agreement == 1 and each.decided > 0.9 for each in comparisons)
        network = open_any(path)
        assert network.card.classes[:2] == ('road', 'sidewalk')
        assert network.card.sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
        assert (network.card.protocol, network.card.test_size) == ('viper15', (64, 32))
        outputs = network(batch)
        np.testing.assert_allclose(outputs['logits'], logits, atol=1e-4 * float(logits.abs().max()))
        np.testing.assert_allclose(outputs['probs'], logits.softmax(dim=1), atol=1e-4)
        assert outputs['labels'].dtype == np.uint8
        assert (outputs['labels'] == logits.argmax(dim=1).numpy()).mean() > 0.999
        labels = FrameLabeller(network)(frames[0])  # as the config tests: resized there, and labels of the frame's size
        assert labels.shape == frames[0].shape[:2]
        assert (labels == predictor(frames[0]).numpy()).mean() > 0.99


def test_colours_are_those_that_the_network_was_trained_on(network, tmp_path, frames):
    """mean and std of a network of BGR images are given in RGB, as frames are."""
    cards = []
    for name, options in (('bgr', {}), ('rgb', {'model.data_preprocessor.bgr_to_rgb': True})):
        options |= {'model.data_preprocessor.mean': [10.0, 20.0, 30.0], 'model.data_preprocessor.std': [1.0, 2.0, 3.0]}
        config, checkpoint = network(**options)
        (path,) = export_runtimes(config, checkpoint, tmp_path / name, frames)
        cards.append(open_network(path).card)
        batch = RNG.integers(256, size=(1, 3, 32, 64), dtype=np.uint8)
        sample = dict(inputs=[torch.from_numpy(batch[0, ::-1].copy())])
        model = FramePredictor.load(config, checkpoint).model
        expected = model(**model.data_preprocessor(sample), mode='tensor')
        expected = model.upsampled(expected, torch.from_numpy(batch)).detach()
        np.testing.assert_allclose(open_network(path)(batch)['logits'], expected, atol=1e-3)
    assert [card.mean for card in cards] == [(30.0, 20.0, 10.0), (10.0, 20.0, 30.0)]
    assert [card.std for card in cards] == [(3.0, 2.0, 1.0), (1.0, 2.0, 3.0)]


def test_a_difference_is_an_error_and_leaves_no_file(network, tmp_path, monkeypatch, frames):
    config, checkpoint = network()
    monkeypatch.setattr(export_check, 'TOLERANCE', 0.0)  # as no runtime keeps it
    out = tmp_path / 'out' / 'net.onnx'
    with pytest.raises(ValueError, match=r'does not compute in ONNX Runtime.*1 frames of 64x32.*Nothing was written'):
        export_runtimes(config, checkpoint, out, frames)
    assert list(out.parent.iterdir()) == []


def test_a_graph_of_one_size_is_an_error():
    def run(frames):
        if frames.shape[3] != 8:
            raise RuntimeError('Exception from src/x.cpp:224:\n[CPU] Add: 3 by 4\nand a page more')
        return [np.zeros((len(frames), 2, *frames.shape[2:]), np.float32)]

    export = ExportedNetwork(Path('tmp/net.xml'), EXAMPLE, run, 'OpenVINO')
    batches = [
        Batch(torch.zeros(1, 3, 4, width, dtype=torch.uint8), np.zeros((1, 2, 4, width), np.float32))
        for width in (8, 6)
    ]
    message = r'^net\.xml does not run in OpenVINO on a batch of 1 of 6x4, .* \(\[CPU\] Add: 3 by 4\)\. Nothing was'
    with pytest.raises(ValueError, match=message):
        list(compare(export, batches))


@pytest.mark.parametrize('method', ['davsn', 'tps', 'hrda_accel'])
def test_networks_of_two_frames_are_refused_with_the_reason(network, tmp_path, method, frames):
    config, checkpoint = network(method)
    with pytest.raises(ConfigError, match=r'takes the frame before and the optical flow'):
        export_runtimes(config, checkpoint, tmp_path / 'net', frames)


def test_windows_and_foreign_steps_are_refused(network, tmp_path, frames):
    config, checkpoint = network()
    config.model.segmentor.test_cfg = dict(mode='slide', crop_size=(16, 16), stride=(8, 8))
    with pytest.raises(ConfigError, match=r'test_cfg\.mode'):
        export_runtimes(config, checkpoint, tmp_path / 'net', frames)
    config, checkpoint = network()
    config.test_dataloader.dataset.pipeline.insert(1, dict(type='PhotoMetricDistortion'))
    with pytest.raises(ConfigError, match='step PhotoMetricDistortion changes frames'):
        export_runtimes(config, checkpoint, tmp_path / 'net', frames)


@MODELS.register_module(force=True)
class BesselBackbone(TinyBackbone):
    """Has an operator that ONNX does not have."""

    def forward(self, x):
        return (super().forward(x)[0] + torch.special.bessel_j1(x.mean()),)


def test_an_operator_without_a_translation_is_named(network, tmp_path, frames):
    config, checkpoint = network()
    config.model.segmentor.backbone.type = 'BesselBackbone'
    with pytest.raises(ValueError, match=r'ONNX cannot hold the network: it has no translation of .*bessel_j1'):
        export_runtimes(config, checkpoint, tmp_path / 'out' / 'net', frames)
    assert list((tmp_path / 'out').iterdir()) == []


def test_pooling_of_several_bins_is_exported_for_any_size(network, tmp_path, frames):
    pooling = dict(type='PSPHead', pool_scales=(1, 2, 3, 6), in_channels=32, channels=4, in_index=3, num_classes=15)
    head = {'model.segmentor.decode_head': dict(pooling, norm_cfg=dict(type='BN'), align_corners=True, _delete_=True)}
    config, checkpoint = network(is_deeplab=True, **head)
    (rows,) = export_runtimes(config, checkpoint, tmp_path / 'net', frames).values()
    assert {(each.width, each.height) for each in rows} == {(64, 32), (49, 25)}
    assert all(each.agreement == 1 for each in rows)


@pytest.mark.parametrize(
    ('precision', 'formats', 'share'), [('fp16', ('onnx',), 0.6), ('int8', ('openvino', 'onnx'), 0.5)]
)
def test_reduced_precision_keeps_most_labels(network, tmp_path, precision, formats, share, frames):
    config, checkpoint = network(is_deeplab=True)
    settings = ExportSettings(formats, precision=precision, calibration_frames=3)
    results = export_runtimes(config, checkpoint, tmp_path / 'net', frames, settings)
    assert all(each.equal >= export_check.AGREEMENT[precision] for rows in results.values() for each in rows)
    assert all(each.difference > 0 for rows in results.values() for each in rows)
    assert all(open_network(path).card.precision == precision for path in results)
    bits = sum(len(tensor.raw_data) for tensor in onnx.load(tmp_path / 'net.onnx').graph.initializer)
    assert bits < share * 4 * sum(weight.numel() for weight in FrameNetwork.load(config, checkpoint).parameters())


def test_broken_files_are_one_sentence(exported, tmp_path):
    paths = {path.suffix: path for path in exported[2]}
    for path in paths.values():
        shutil.copy(path, tmp_path / f'cut{path.suffix}')
        content = path.read_bytes()
        (tmp_path / f'cut{path.suffix}').write_bytes(content[: len(content) // 2])
    for name, runtime in (('cut.onnx', 'ONNX Runtime'), ('cut.pt2', 'torch.export')):
        with pytest.raises(ValueError, match=rf'{name} cannot be loaded by {runtime}: .*export anew') as raised:
            open_any(tmp_path / name)
        assert '\n' not in str(raised.value)
    with pytest.raises(ValueError, match=r'cut\.xml has no weights: cut\.bin must lie beside it'):
        open_any(tmp_path / 'cut.xml')
    shutil.copy(paths['.xml'], tmp_path / 'short.xml')
    (tmp_path / 'short.bin').write_bytes(paths['.xml'].with_suffix('.bin').read_bytes()[:100])
    with pytest.raises(ValueError, match=r'short\.xml cannot be loaded by OpenVINO'):
        open_any(tmp_path / 'short.xml')
    with pytest.raises(FileNotFoundError, match='no exported network'):
        open_any(tmp_path / 'none.onnx')
    with pytest.raises(ValueError, match=r'has no CUDAExecutionProvider here, but .*CPUExecutionProvider'):
        open_network(paths['.onnx'], RuntimeOptions(providers=('CUDAExecutionProvider',)))


def test_models_of_others_and_of_the_future(exported, tmp_path):
    path = next(iter(exported[2]))
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / 'foreign.onnx')
    with pytest.raises(ValueError, match=r'foreign\.onnx was not written by .*tools/export\.py'):
        open_network(tmp_path / 'foreign.onnx')
    model.opset_import[0].version = 99
    onnx.save(model, tmp_path / 'future.onnx')
    with pytest.raises(ValueError, match=r'future\.onnx cannot be loaded by ONNX Runtime: .*opset'):
        open_network(tmp_path / 'future.onnx')


def test_weights_beside_an_onnx_file_travel_with_it(exported, tmp_path):
    path = next(iter(exported[2]))
    model, moved = onnx.load(path), tmp_path / 'large.onnx'
    onnx.save(model, moved, save_as_external_data=True, location='large.onnx.data', size_threshold=500)
    assert open_network(moved).card.outputs == OUTPUTS
    data = moved.with_name('large.onnx.data')
    data.write_bytes(data.read_bytes()[:50])
    with pytest.raises(ValueError, match=r'large\.onnx cannot be loaded.*with large\.onnx\.data beside it'):
        open_network(moved)
    data.unlink()
    with pytest.raises(ValueError, match=r'large\.onnx cannot be loaded.*with large\.onnx\.data beside it'):
        open_network(moved)
