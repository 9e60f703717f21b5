#pragma once

#include "engine/program/inference.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace eigenbit::internal {

/// An input of a session: floats from when they are first asked for, until then the bytes that it was given.
class SessionInput {
  public:
    /// Bytes are kept where the program only rounds the input.
    SessionInput(const Shape& shape, bool keeps_bytes) : shape_(shape), keeps_bytes_(keeps_bytes) {}

    const Shape& shape() const { return shape_; }
    /// Keep their place from the first call on; 0 before anything is given.
    View floats();
    /// Gives all elements bytes that stand for floats, as Buffer's: fill(where they belong) writes them. Where it
    /// throws, bytes that were kept are lost.
    template <typename Fill>
    void set_bytes(std::vector<float> meanings, const Fill& fill) {
        std::vector<std::uint8_t> bytes = std::exchange(bytes_, std::vector<std::uint8_t>());
        bytes.resize(static_cast<std::size_t>(shape_.elements()));
        fill(bytes.data());
        keep(std::move(bytes), std::move(meanings));
    }
    /// For a run. Throws Error where one is NaN or infinite, naming the input by its position.
    InputValues values(std::size_t position);

  private:
    void keep(std::vector<std::uint8_t> bytes, std::vector<float> meanings);

    Shape shape_;
    bool keeps_bytes_;
    Tensor floats_;                    // empty until asked for
    std::vector<std::uint8_t> bytes_;  // empty where floats hold the values
    std::vector<float> meanings_;      // of the bytes
};

}  // namespace eigenbit::internal
