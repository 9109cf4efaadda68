// Runs an exported detector on an image through TensorFlow's C API.
//
//   detect GRAPH IMAGE [SPARSE_OPS]
//
// GRAPH is a frozen graph, dense or sparse; IMAGE a binary PPM of 8 bits;
// SPARSE_OPS the op library that a sparse graph needs. `odp build_sparse_ops`
// builds that and prints where it is. Prints class, score and box of each
// detection: the sides of a box are shares of the image.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tensorflow/c/c_api.h"

namespace {

constexpr int kOutputs = 4;
const char* const kOutputNames[kOutputs] = {
    "num_detections", "detection_classes", "detection_scores",
    "detection_boxes"};

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::exit(2);
}

void Check(TF_Status* status, const std::string& what) {
  if (TF_GetCode(status) != TF_OK) {
    Fail(what + ": " + TF_Message(status));
  }
}

std::vector<char> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail("no file at " + path);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

struct Image {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;
};

Image ReadPpm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int64_t most = 0;
  Image image;
  file >> magic >> image.width >> image.height >> most;
  if (!file || magic != "P6" || most != 255 || image.width < 1 ||
      image.height < 1) {
    Fail(path + " is no binary PPM of 8 bits");
  }
  file.get();
  image.pixels.resize(image.height * image.width * 3);
  file.read(reinterpret_cast<char*>(image.pixels.data()),
            image.pixels.size());
  if (!file) Fail(path + " is cut short");
  return image;
}

TF_Tensor* AsTensor(const Image& image) {
  const int64_t shape[] = {1, image.height, image.width, 3};
  TF_Tensor* tensor =
      TF_AllocateTensor(TF_UINT8, shape, 4, image.pixels.size());
  std::memcpy(TF_TensorData(tensor), image.pixels.data(),
              image.pixels.size());
  return tensor;
}

void Import(const std::string& path, TF_Graph* graph, TF_Status* status) {
  const std::vector<char> bytes = ReadFile(path);
  TF_Buffer* definition = TF_NewBufferFromString(bytes.data(), bytes.size());
  TF_ImportGraphDefOptions* options = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(graph, definition, options, status);
  Check(status, path);
  TF_DeleteImportGraphDefOptions(options);
  TF_DeleteBuffer(definition);
}

TF_Output FirstOutput(TF_Graph* graph, const char* name) {
  TF_Operation* operation = TF_GraphOperationByName(graph, name);
  if (operation == nullptr) {
    Fail(std::string("the graph has no ") + name);
  }
  return {operation, 0};
}

const float* Values(TF_Tensor* tensor) {
  return static_cast<const float*>(TF_TensorData(tensor));
}

void Print(TF_Tensor* const* found) {
  const int count = static_cast<int>(Values(found[0])[0]);
  for (int i = 0; i < count; ++i) {
    const float* box = Values(found[3]) + 4 * i;
    std::printf("class %d score %.6f ymin %.6f xmin %.6f ymax %.6f xmax %.6f\n",
                static_cast<int>(Values(found[1])[i]), Values(found[2])[i],
                box[0], box[1], box[2], box[3]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    Fail("usage: detect GRAPH IMAGE [SPARSE_OPS]");
  }
  TF_Status* status = TF_NewStatus();
  if (argc == 4) {
    TF_LoadLibrary(argv[3], status);
    Check(status, argv[3]);
  }
  const Image image = ReadPpm(argv[2]);
  TF_Graph* graph = TF_NewGraph();
  Import(argv[1], graph, status);
  const TF_Output input = FirstOutput(graph, "image_tensor");
  TF_Output outputs[kOutputs];
  for (int i = 0; i < kOutputs; ++i) {
    outputs[i] = FirstOutput(graph, kOutputNames[i]);
  }
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Session* session = TF_NewSession(graph, options, status);
  Check(status, "session");
  TF_Tensor* pixels = AsTensor(image);
  TF_Tensor* found[kOutputs] = {};
  TF_SessionRun(session, nullptr, &input, &pixels, 1, outputs, found, kOutputs,
                nullptr, 0, nullptr, status);
  Check(status, argv[1]);
  Print(found);
  for (TF_Tensor* tensor : found) TF_DeleteTensor(tensor);
  TF_DeleteTensor(pixels);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
}
