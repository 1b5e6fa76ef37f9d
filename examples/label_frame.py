"""Read a frame, write its mask, with ONNX Runtime alone: python label_frame.py net.onnx frame.png mask.png.

No package of this project is needed: normalisation is inside the network, and its file says what its classes are.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image


def main(model: str, frame: str, mask: str) -> None:
    """Label one frame."""
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    facts = session.get_modelmeta().custom_metadata_map
    image = Image.open(frame).convert('RGB')
    size = json.loads(facts['i2vda.test_size'])  # (width, height) that it was tested at, or None
    method = json.loads(facts['i2vda.interpolation']).split()[1]  # such as 'bicubic', of Pillow or OpenCV
    resized = image.resize(size, Image.Resampling[method.upper()]) if size else image
    frames = np.asarray(resized).transpose(2, 0, 1)[None].astype(json.loads(facts['i2vda.input_type']))
    name = json.loads(facts['i2vda.outputs'])[0]
    (output,) = session.run([name], {'frames': np.ascontiguousarray(frames)})
    labels = output[0] if name == 'labels' else output[0].argmax(axis=0)
    picture = Image.fromarray(labels.astype(np.uint8)).resize(image.size, Image.Resampling.NEAREST)
    picture.putpalette([value for colour in json.loads(facts['i2vda.palette']) for value in colour])
    picture.save(mask)
    classes = json.loads(facts['i2vda.classes'])
    print({classes[index]: round(float((labels == index).mean()), 3) for index in np.unique(labels)})


if __name__ == '__main__':
    main(*sys.argv[1:])
