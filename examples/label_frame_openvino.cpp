// Read a frame, write its mask, with OpenVINO: label_frame net.xml frame.ppm mask.pgm; net.onnx does as well
// The wheel of OpenVINO has headers and libraries. P=$(python -c 'import openvino; print(openvino.__path__[0])')
// g++ -std=c++17 label_frame_openvino.cpp -I $P/include $P/libs/libopenvino.so.* -Wl,-rpath,$P/libs -o label_frame
// The export needs labels among its outputs: tools/export.py CHECKPOINT net --format openvino --output labels
#include <cstdint>
#include <fstream>
#include <iostream>
#include <openvino/openvino.hpp>
#include <stdexcept>
#include <string>
#include <vector>

int main(int count, char** arguments) try {
  if (count != 4) throw std::runtime_error("usage: label_frame net.xml frame.ppm mask.pgm");
  std::ifstream file(arguments[2], std::ios::binary);  // a binary PPM: P6, width, height, 255, RGB
  std::string kind;
  size_t width = 0, height = 0, most = 0;
  if (!(file >> kind >> width >> height >> most) || kind != "P6" || most != 255)
    throw std::runtime_error(std::string(arguments[2]) + " is no binary PPM of 8 bits");
  file.get();
  std::vector<uint8_t> pixels(3 * width * height);
  if (!file.read(reinterpret_cast<char*>(pixels.data()), pixels.size()))
    throw std::runtime_error(std::string(arguments[2]) + " is cut short");

  ov::Core core;
  auto network = core.compile_model(arguments[1], "CPU", ov::hint::inference_precision(ov::element::f32));
  ov::Tensor frames(ov::element::u8, {1, 3, height, width});
  for (size_t i = 0; i < width * height; ++i)  // (H, W, 3) to (3, H, W)
    for (size_t c = 0; c < 3; ++c) frames.data<uint8_t>()[c * width * height + i] = pixels[3 * i + c];
  auto request = network.create_infer_request();
  request.set_tensor("frames", frames);
  request.infer();
  std::ofstream mask(arguments[3], std::ios::binary);
  mask << "P5\n" << width << " " << height << "\n255\n";
  mask.write(reinterpret_cast<const char*>(request.get_tensor("labels").data<uint8_t>()), width * height);
  return mask ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "label_frame: " << error.what() << "\n";
  return 1;
}
