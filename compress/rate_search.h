#pragma once

#include "compress/compressor.h"

#include <functional>
#include <optional>

namespace eigenbit {

/// Judges a finished network: its file is small enough, its accuracy is high enough.
using Acceptable = std::function<bool(const CompressedNetwork&)>;

inline constexpr double kLowestRate = 0.05;  ///< bits a weight that are searched
inline constexpr double kHighestRate = 8.0;

/// The network of the highest rate that is acceptable, where lower rates are too (a largest file size). Nothing when
/// not even the lowest rate is.
std::optional<CompressedNetwork> finest_acceptable(const Compressor& compressor, const Acceptable& acceptable);

/// The network of the lowest rate that is acceptable, where higher rates are too (a largest loss of accuracy).
/// Nothing when not even the highest rate is.
std::optional<CompressedNetwork> coarsest_acceptable(const Compressor& compressor, const Acceptable& acceptable);

}  // namespace eigenbit
