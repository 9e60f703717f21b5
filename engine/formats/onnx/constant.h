#pragma once

#include "engine/base/tensor.h"

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace eigenbit::internal {

/// A tensor whose values are known at import, in ONNX's order of axes: integers (booleans are 0 and 1) or reals.
struct Constant {
    Shape shape;
    std::variant<std::vector<std::int64_t>, std::vector<float>> values;
    int element_type = 0;  ///< ONNX's, in the file; 0 where it is not from there

    /// Throw Error when the values are of the other kind.
    const std::vector<std::int64_t>& integers() const;
    const std::vector<float>& reals() const;
    bool is_integer() const { return values.index() == 0; }

    bool operator==(const Constant&) const = default;
};

/// A list of integers as a constant of rank 1.
Constant integer_list(std::vector<std::int64_t> values);

/// The element that all axes but those of extent 1 lead to. Throws Error when there is not exactly one element.
float scalar(const Constant& constant);

/// Converts a tensor of an ONNX file; 16- and 64-bit reals become float32. `external` are its bytes where they lie in
/// another file. Throws Error when its type is not supported, or when there are more or fewer data than its dimensions
/// say.
Constant read_constant(const onnx::TensorProto& tensor,
                       std::optional<std::span<const std::uint8_t>> external = std::nullopt);

/// "FLOAT", "INT4" …; the number of one that is unknown.
std::string element_type_name(std::int64_t element_type);
/// The lowest and the highest of the integers of 4, 8 or 16 bits that levels are kept as. Throws Error for other types.
std::pair<std::int32_t, std::int32_t> level_range(std::int64_t element_type);
/// Whether values of the type are reals that become float32.
bool is_real(std::int64_t element_type);

}  // namespace eigenbit::internal
