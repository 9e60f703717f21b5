#pragma once

#include "engine/formats/onnx/node.h"
#include "engine/ops/strided.h"

#include <map>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Operators on constants that compute element by element, by ONNX type.
const std::map<std::string_view, Constant (*)(const OnnxNode&)>& arithmetic_folds();

/// Zeros of this shape, of the same kind as another constant. Throws Error when there are unreasonably many that the
/// other one does not account for.
Constant allocate(const Shape& shape, const Constant& like);
/// Copies consecutive elements between constants of the same kind.
void copy_elements(const Constant& source, std::int64_t from, Constant& target, std::int64_t to, std::int64_t count);

/// The constant of this shape whose element at an index is the source's element begin + Σ index · stride.
Constant strided(const Constant& source, const Shape& shape, std::int64_t begin, const Strides& strides);
/// The source repeated to a shape that it broadcasts to.
Constant expanded(const Constant& source, const Shape& shape);
std::vector<float> as_reals(const Constant& constant);

}  // namespace eigenbit::internal
