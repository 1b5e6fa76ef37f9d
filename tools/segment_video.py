"""Segment a video: tools/segment_video.py CONFIG CHECKPOINT SOURCE, or MODEL.onnx|.xml|.pt2|.pte SOURCE.

The second form runs what tools/export.py wrote. ONNX and OpenVINO need no torch, and none is loaded for them.
"""

import os
import sys
from pathlib import Path

WITHOUT_TORCH, WITH_TORCH = {'.onnx', '.xml'}, {'.pt2', '.pte'}


def main() -> None:
    """Hand over to what runs the model."""
    endings = (Path(argument).suffix for argument in sys.argv[1:])
    ending = next((ending for ending in endings if ending in WITHOUT_TORCH | WITH_TORCH), '')
    if ending in WITHOUT_TORCH:
        os.environ.setdefault('I2VDA_WITHOUT_TORCH', '1')  # read by the package when it is imported, so before that
    if ending:
        from i2vda_mmseg.runtime import command  # noqa: PLC0415

        if ending in WITH_TORCH:
            from i2vda_mmseg.engine.exported_segmentor import open_export  # noqa: PLC0415

            command.run(open_export)
        command.run()
    from i2vda_mmseg.entry import run_file  # noqa: PLC0415

    run_file(Path(__file__).with_name('segment_video_pytorch.py'))


if __name__ == '__main__':
    main()
