#pragma once

#include "compress/compressor.h"

#include <functional>

namespace eigenbit {

/// Judges a finished network: its file is small enough, its accuracy is high enough.
using Acceptable = std::function<bool(const CompressedNetwork&)>;

/// The network of the highest rate that is acceptable, where lower rates are too (a largest file size). Throws Error
/// when not even the lowest rate is.
CompressedNetwork finest_acceptable(const Compressor& compressor, const Acceptable& acceptable);

/// The network of the lowest rate that is acceptable, where higher rates are too (a largest loss of accuracy). Throws
/// Error when not even the highest rate is.
CompressedNetwork coarsest_acceptable(const Compressor& compressor, const Acceptable& acceptable);

}  // namespace eigenbit
