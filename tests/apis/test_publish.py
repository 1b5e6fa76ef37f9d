import hashlib

import pytest
import torch

from i2vda_mmseg.apis.publish import publish_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    state = {
        'segmentor.head.weight': torch.arange(6.0).view(2, 3),
        'proxy.head.weight': torch.zeros(2, 3),
        'discriminator.conv.bias': torch.ones(4),
        'reference.conv.bias': torch.ones(4),
        'thresholds': torch.ones(2),
    }
    meta = dict(dataset_meta=dict(classes=['road', 'sky']), iter=7, seed=3, cfg='work_dir = "/home/ann"', hostname='h')
    path = tmp_path / 'iter_7.pth'
    torch.save(dict(state_dict=state, meta=meta, optimizer={'state': torch.ones(9)}, message_hub={}), path)
    return path


def test_only_what_is_tested_is_left_and_the_name_is_the_hash(checkpoint, tmp_path):
    path = publish_checkpoint(checkpoint, tmp_path / 'given/i2vda.pth')
    assert path.name == f'i2vda-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth'
    content = torch.load(path, weights_only=True)
    assert set(content) == {'state_dict', 'meta'}
    assert content['meta'] == dict(dataset_meta=dict(classes=['road', 'sky']), iter=7, seed=3)
    assert list(content['state_dict']) == ['segmentor.head.weight']
    assert torch.equal(content['state_dict']['segmentor.head.weight'], torch.arange(6.0).view(2, 3))
    assert publish_checkpoint(checkpoint, tmp_path / 'given/i2vda') == path  # the same content, the same name


def test_the_proxy_stays_for_another_training(checkpoint, tmp_path):
    content = torch.load(publish_checkpoint(checkpoint, tmp_path / 'a', keep_proxy=True), weights_only=True)
    assert len(content['state_dict']) == 5


def test_a_file_without_weights_is_refused(tmp_path):
    torch.save({'meta': {}}, tmp_path / 'empty.pth')
    with pytest.raises(ValueError, match=r'empty\.pth holds no weights, bare or under state_dict; it has meta'):
        publish_checkpoint(tmp_path / 'empty.pth', tmp_path / 'a')
    torch.save([torch.zeros(1)], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match=r'list\.pth holds no weights, bare or under state_dict; it has a list'):
        publish_checkpoint(tmp_path / 'list.pth', tmp_path / 'a')
