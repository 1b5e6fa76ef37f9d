// Read a frame, write its mask, with ONNX Runtime: label_frame net.onnx frame.ppm mask.pgm
// g++ -std=c++17 label_frame.cpp -I ONNXRUNTIME/include -L ONNXRUNTIME/lib -lonnxruntime -o label_frame
// The export needs labels among its outputs: tools/export.py CHECKPOINT net --format onnx --output labels
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

int main(int count, char** arguments) try {
  if (count != 4) throw std::runtime_error("usage: label_frame net.onnx frame.ppm mask.pgm");
  std::ifstream file(arguments[2], std::ios::binary);  // a binary PPM: P6, width, height, 255, RGB
  std::string kind;
  int64_t width = 0, height = 0, most = 0;
  if (!(file >> kind >> width >> height >> most) || kind != "P6" || most != 255)
    throw std::runtime_error(std::string(arguments[2]) + " is no binary PPM of 8 bits");
  file.get();
  std::vector<uint8_t> pixels(3 * width * height), planes(pixels.size());
  if (!file.read(reinterpret_cast<char*>(pixels.data()), pixels.size()))
    throw std::runtime_error(std::string(arguments[2]) + " is cut short");
  for (int64_t i = 0; i < width * height; ++i)  // (H, W, 3) to (3, H, W)
    for (int64_t c = 0; c < 3; ++c) planes[c * width * height + i] = pixels[3 * i + c];

  Ort::Env environment(ORT_LOGGING_LEVEL_ERROR, "label_frame");
  Ort::Session session(environment, arguments[1], Ort::SessionOptions{});
  const std::vector<int64_t> shape{1, 3, height, width};
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto frames = Ort::Value::CreateTensor<uint8_t>(memory, planes.data(), planes.size(), shape.data(), shape.size());
  const char *input = "frames", *output = "labels";
  auto results = session.Run(Ort::RunOptions{nullptr}, &input, &frames, 1, &output, 1);
  std::ofstream mask(arguments[3], std::ios::binary);
  mask << "P5\n" << width << " " << height << "\n255\n";
  mask.write(reinterpret_cast<const char*>(results[0].GetTensorData<uint8_t>()), width * height);
  return mask ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "label_frame: " << error.what() << "\n";
  return 1;
}
