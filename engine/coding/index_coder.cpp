#include "engine/coding/index_coder.h"

#include "engine/coding/index_model.h"
#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eigenbit {
namespace {

constexpr int kStartBits = 5;
constexpr int kLowestStart = 4;  // mean magnitudes from 2⁻⁸ on

/// The level of the mean magnitude, 0 … 31 above kLowestStart.
std::uint32_t start_of(std::span<const std::int16_t> indices) {
    std::int64_t sum = 0;
    for (const int index : indices) sum += std::abs(index);
    const std::int64_t mean = (sum << IndexNeighbourhood::kFraction) / static_cast<std::int64_t>(indices.size());
    const int level = IndexNeighbourhood::level(static_cast<int>(mean)) - kLowestStart;
    return static_cast<std::uint32_t>(std::clamp(level, 0, (1 << kStartBits) - 1));
}

std::int16_t checked(int index) {
    using Limits = std::numeric_limits<std::int16_t>;
    if (index < Limits::min() || index > Limits::max()) fail("an entropy-coded index is {}, beyond 16 bits", index);
    return static_cast<std::int16_t>(index);
}

/// One description for both directions: Index is const when coding.
template <typename Coder, typename Index>
void code_block(Coder& coder, const BlockLayout& layout, std::span<Index> indices) {
    std::uint32_t start = 0;
    if constexpr (!Coder::kDecodes) start = start_of(indices);
    start = coder.raw(kStartBits, start);

    IndexNeighbourhood neighbourhood(static_cast<int>(start) + kLowestStart, layout.kernels(), layout.kernel_width());
    IndexModel model;
    const std::int64_t taps = layout.taps();
    const auto kernels = static_cast<std::size_t>(layout.kernels());
    Index* kernel_taps = indices.data();
    for (std::int64_t channel = 0; channel < layout.channels(); ++channel) {
        for (std::size_t kernel = 0; kernel < kernels; ++kernel, kernel_taps += taps) {
            for (std::int64_t tap = 0, column = 0; tap < taps; ++tap) {
                const IndexContext context = neighbourhood.context(kernel_taps, kernel, tap, column);
                const int index = model.code(coder, context, kernel_taps[tap]);
                if constexpr (Coder::kDecodes) kernel_taps[tap] = checked(index);
                neighbourhood.add(index, kernel);
                if (++column == layout.kernel_width()) column = 0;
            }
        }
    }
}

}  // namespace

std::int64_t IndexEncoder::write(const BlockLayout& layout, std::span<const std::int16_t> indices) {
    code_block(coder_, layout, indices);
    return coder_.position();
}

std::int64_t IndexDecoder::read(const BlockLayout& layout, std::span<std::int16_t> indices) {
    code_block(coder_, layout, indices);
    return coder_.position();
}

double coded_bits(std::span<const std::int16_t> indices, const Shape& shape, int axis) {
    const BlockLayout layout(shape, axis, 0, shape[axis]);
    const std::vector<std::int16_t> stored = layout.gather(indices);
    RangeMeter meter;
    code_block(meter, layout, std::span<const std::int16_t>(stored));
    return meter.bits();
}

double estimated_bits(std::span<const std::int16_t> indices) {
    const auto [least, largest] = std::ranges::minmax(indices);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(largest - least) + 1);
    for (const int index : indices) ++counts[static_cast<std::size_t>(index - least)];
    const auto total = static_cast<double>(indices.size());
    constexpr double kLearningBits = 2.0;  // for each value that occurs, as measured on compressed networks
    double bits = kStartBits;
    for (const std::int64_t count : counts) {
        if (count == 0) continue;
        bits += kLearningBits - static_cast<double>(count) * std::log2(static_cast<double>(count) / total);
    }
    return bits;
}

}  // namespace eigenbit
