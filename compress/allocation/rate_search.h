#pragma once

#include "compress/compressor.h"

#include <functional>
#include <optional>

namespace eigenbit::internal {

inline constexpr double kLowestRate = 0.05;  ///< bits a weight that are searched, if a network can have so few
inline constexpr double kHighestRate = 8.0;

/// What a network takes in bits, such as its file.
using Cost = std::function<double(const CompressedNetwork&)>;

/// The network of the highest rate that costs at most `target` bits. Nothing when even the lowest rate costs more.
std::optional<CompressedNetwork> finest_within(const Compressor& compressor, double target, const Cost& cost);

/// Judges a finished network: its accuracy is high enough.
using Acceptable = std::function<bool(const CompressedNetwork&)>;

/// The network of the lowest rate that is acceptable, where higher rates are too (a largest loss of accuracy).
/// Nothing when not even the highest rate is.
std::optional<CompressedNetwork> coarsest_acceptable(const Compressor& compressor, const Acceptable& acceptable);

}  // namespace eigenbit::internal
