#pragma once

#include "engine/formats/ebit_bytes.h"
#include "engine/parameter.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace eigenbit {

/// How a file stores quantized indices.
enum class IndexStorage {
    fixed,   ///< packed at each block's bit depth
    entropy  ///< adaptive entropy coding
};

/// A quantized parameter whose indices are written or read.
template <typename QuantizationType>
struct StoredIndices {
    std::string name;
    Shape shape;
    QuantizationType* quantization;
};

/// The indices of all blocks of depth 1 and more, one after the other.
std::vector<std::uint8_t> write_indices(std::span<const StoredIndices<const Quantization>> parameters,
                                        IndexStorage storage);

/// How many bytes the indices took.
struct IndexBytes {
    IndexStorage storage = IndexStorage::fixed;
    std::int64_t side_information = 0;
    std::vector<std::int64_t> parameters;  ///< one for each
};

/// Fills in the indices, given all else. Throws Error.
IndexBytes read_indices(ByteReader& reader, std::span<const StoredIndices<Quantization>> parameters);

}  // namespace eigenbit
