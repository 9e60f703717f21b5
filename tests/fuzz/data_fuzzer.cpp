#include "tests/fuzz/data_exercise.h"

#include <cstddef>

/// libFuzzer's entry: bytes are read as data, or one sentence says why not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    eigenbit::internal::exercise_data(std::span(data, size));
    return 0;
}
