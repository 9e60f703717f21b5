#pragma once

#include "engine/base/tensor.h"

namespace eigenbit::internal {

/// Cosine transforms of the taps inside a kernel (method section 7.2): bases with nothing to store.
enum class CosineKind { dct1, dct2 };

/// The orthonormal two-dimensional transform of height × width taps as a synthesis matrix (taps × taps): columns are
/// basis functions.
Tensor cosine_synthesis(CosineKind kind, std::int64_t height, std::int64_t width);

}  // namespace eigenbit::internal
