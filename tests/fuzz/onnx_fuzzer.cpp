#include "engine/base/error.h"
#include "engine/formats/onnx/onnx.h"

#include <cstddef>

/// libFuzzer's entry: an ONNX file is read, or one sentence says why not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        eigenbit::internal::read_onnx(std::span(data, size), "input", {.height = 16, .width = 16});
    } catch (const eigenbit::internal::Error&) {
    }
    return 0;
}
