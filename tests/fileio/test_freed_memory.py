"""Memory of pictures is used again, and not fetched anew from the system for each of them."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from i2vda_mmseg.fileio.images import write_image

PAGE = 4096
READ = """
import resource, sys
from i2vda_mmseg.fileio.images import read_image

def read(times):
    for _ in range(times):
        read_image(sys.argv[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

first = read(4)
print(read(6) - first)
"""


def fetched_pages(path, **environment):
    """Pages that reading a picture six times takes from the system once it has been read before."""
    command = [sys.executable, '-c', READ, str(path)]
    environment = os.environ | environment | dict(I2VDA_WITHOUT_TORCH='1')
    return int(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc has what is set here')
def test_pictures_take_turns_in_the_same_memory(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (512, 1024, 3), dtype=np.uint8)
    write_image(tmp_path / 'a.png', picture)
    pages = picture.nbytes // PAGE
    assert fetched_pages(tmp_path / 'a.png') < pages
    # glibc's variable says otherwise and is left alone
    assert fetched_pages(tmp_path / 'a.png', MALLOC_TRIM_THRESHOLD_='131072') > 6 * pages
