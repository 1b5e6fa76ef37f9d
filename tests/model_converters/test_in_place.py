"""No converter writes over the file that it reads."""

import runpy
import sys

import pytest
import torch


@pytest.mark.parametrize('name', ['daformer', 'deeplab_v2', 'flownet2_nvidia'])
def test_the_published_file_stays(name, tmp_path, monkeypatch, request):
    path = tmp_path / 'published.pth'
    torch.save({'state_dict': {'x': torch.zeros(1)}}, path)
    before = path.read_bytes()
    main = runpy.run_path(str(request.config.rootpath / f'tools/model_converters/{name}.py'))['main']
    monkeypatch.setattr(sys, 'argv', [f'{name}.py', str(path), str(path)])
    with pytest.raises(ValueError, match=r'published\.pth is the file to convert, which would be lost'):
        main()
    assert path.read_bytes() == before
