#include "tests/fuzz/ebit_exercise.h"

#include <cstddef>

/// libFuzzer's entry: the bytes as they are, and with a container that hides the damage.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> bytes(data, size);
    eigenbit::internal::exercise_ebit(bytes);
    eigenbit::internal::exercise_ebit(eigenbit::internal::with_valid_container(bytes));
    return 0;
}
