#include "api/c/session_input.h"

#include "engine/base/error.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace eigenbit::internal {
namespace {

bool are_finite(std::span<const float> values) {
    return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

void look_up(std::span<const std::uint8_t> bytes, std::span<const float> meanings, float* values) {
    const std::size_t period = meanings.size() / 256;
    for (std::size_t i = 0; i < bytes.size(); ++i) values[i] = meanings[i % period * 256 + bytes[i]];
}

}  // namespace

void SessionInput::keep(std::vector<std::uint8_t> bytes, std::vector<float> meanings) {
    if (keeps_bytes_ && floats_.empty() && are_finite(meanings)) {
        bytes_ = std::move(bytes);
        meanings_ = std::move(meanings);
    } else {
        look_up(bytes, meanings, floats().data);
    }
}

View SessionInput::floats() {
    if (floats_.empty()) floats_ = Tensor(shape_);
    if (!bytes_.empty()) {
        look_up(bytes_, meanings_, floats_.data());
        bytes_ = std::vector<std::uint8_t>();
    }
    return floats_;
}

InputValues SessionInput::values(std::size_t position) {
    if (!bytes_.empty()) return {.shape = shape_, .bytes = bytes_.data(), .meanings = meanings_};
    const View values = floats();
    if (!are_finite(values.values())) fail("Input {} holds NaN or infinity.", position);
    return {.shape = shape_, .floats = values.data};
}

}  // namespace eigenbit::internal
