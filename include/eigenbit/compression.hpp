#pragma once

#include "dataset.hpp"
#include "model.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// What compression is to meet, one of the first four, and how.
struct CompressionOptions {
    double rate = 0.0;            ///< bits a weight, side information included
    std::int64_t file_bytes = 0;  ///< the finest network whose file is not larger
    double max_drop = 0.0;        ///< the coarsest that loses no more points of top-1 accuracy, or dB, on `validation`
    double lambda = 0.0;          ///< the trade-off of distortion against bits

    const Dataset* validation = nullptr;
    std::string transform =
        "auto";                  ///< none, klt, elt, dct1, dct2, intra-klt, intra-elt, or auto: the cheapest by layer
    std::string axis = "auto";   ///< what it mixes: row, column, both, channels or auto
    int activation_bits = 0;     ///< of activations that layers read or add, 1 to 16; 0: they stay float
    std::int64_t images = 1024;  ///< of the data, to compress with; labels are not used
    bool entropy_coding = true;  ///< else levels are of fixed depths
    std::uint64_t seed = 0;
    int threads = 0;  ///< 0: as many as processors; the result does not depend on it
    /// Told what is being done and the share of it that is done, 0 … 1, by any thread.
    std::function<void(std::string_view what, double done)> on_progress{};
    Log log{};  ///< hears warnings of the calling thread
};

/// A compressed copy of a network. Throws Error where the target cannot be met.
Model compress(const Model& model, const Dataset& data, const CompressionOptions& options);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
