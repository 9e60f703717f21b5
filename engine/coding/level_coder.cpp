#include "engine/coding/level_coder.h"

#include "engine/coding/level_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

namespace eigenbit::internal {
namespace {

constexpr int kStartBits = 5;
constexpr int kLowestStart = 4;  // mean magnitudes from 2⁻⁸ on

/// The class of the mean magnitude, 0 … 31 above kLowestStart.
int start_of(std::span<const std::int16_t> levels) {
    std::int64_t sum = 0;
    for (const int level : levels) sum += std::abs(level);
    const std::int64_t mean = (sum << 10) / static_cast<std::int64_t>(levels.size());
    const int start = magnitude_class(static_cast<std::uint64_t>(mean)) - kLowestStart;
    return std::clamp(start, 0, (1 << kStartBits) - 1);
}

/// One description for both directions: Level is const when coding. Kernels are coded two at a time, tap by tap, each
/// in a lane of its own: a level's context is there without waiting for the level that is coded just before it.
template <typename Coder, typename Level>
void code_block(Coder& coder, const BlockLayout& layout, std::span<Level> levels) {
    int start = 0;
    if constexpr (!Coder::kDecodes) start = start_of(levels);
    start = LevelModel::code_raw(coder, 0, kStartBits, start);

    const std::int64_t width = layout.kernel_width();
    LevelNeighbourhood neighbourhood(start + kLowestStart, layout.kernels(), width);
    const auto model = std::make_unique<LevelModel>();
    const auto code = [&](int lane, const LevelContext& context, Level& level) __attribute__((always_inline)) {
        const int coded = model->code(coder, lane, context, level);
        if constexpr (Coder::kDecodes) level = static_cast<std::int16_t>(coded);
        return std::int64_t{std::abs(coded)};
    };
    const std::int64_t taps = layout.taps();
    const auto kernels = static_cast<std::size_t>(layout.kernels());
    const auto following = [&](std::size_t kernel) { return kernel + 1 == kernels ? 0 : kernel + 1; };
    Level* first = levels.data();
    std::size_t kernel = 0;
    std::int64_t left = layout.channels() * layout.kernels();
    for (; left >= kLanes; left -= kLanes) {
        const std::size_t next_kernel = following(kernel);
        Level* second = first + taps;
        std::int64_t first_mean = neighbourhood.kernel_mean(kernel);
        std::int64_t second_mean = neighbourhood.kernel_mean(next_kernel);
        for (std::int64_t tap = 0, column = 0; tap < taps; ++tap) {
            const LevelContext first_context = neighbourhood.context(first, first_mean, tap, column);
            const LevelContext second_context = neighbourhood.context(second, second_mean, tap, column);
            const std::int64_t first_magnitude = code(0, first_context, first[tap]);
            const std::int64_t second_magnitude = code(1, second_context, second[tap]);
            neighbourhood.add(first_magnitude + second_magnitude, kLanes);
            first_mean = LevelNeighbourhood::moved(first_mean, first_magnitude);
            second_mean = LevelNeighbourhood::moved(second_mean, second_magnitude);
            if (++column == width) column = 0;
        }
        neighbourhood.kernel_mean(kernel) = first_mean;
        neighbourhood.kernel_mean(next_kernel) = second_mean;
        kernel = following(next_kernel);
        first = second + taps;
    }
    if (left == 0) return;
    std::int64_t mean = neighbourhood.kernel_mean(kernel);
    for (std::int64_t tap = 0, column = 0; tap < taps; ++tap) {
        const std::int64_t magnitude = code(0, neighbourhood.context(first, mean, tap, column), first[tap]);
        neighbourhood.add(magnitude, 1);
        mean = LevelNeighbourhood::moved(mean, magnitude);
        if (++column == width) column = 0;
    }
}

}  // namespace

std::int64_t LevelEncoder::write(const BlockLayout& layout, std::span<const std::int16_t> levels) {
    code_block(coder_, layout, levels);
    return static_cast<std::int64_t>(std::ceil(coder_.bits()));
}

void LevelDecoder::read(const BlockLayout& layout, std::span<std::int16_t> levels) {
    code_block(coder_, layout, levels);
}

double coded_bits(std::span<const std::int16_t> levels, const Shape& shape, int axis) {
    const BlockLayout layout(shape, axis, 0, shape[axis]);
    const std::vector<std::int16_t> stored = layout.gather(levels);
    IntervalMeter meter;
    code_block(meter, layout, std::span<const std::int16_t>(stored));
    return meter.bits();
}

double estimated_bits(std::span<const std::int16_t> levels) {
    const auto [least, largest] = std::ranges::minmax(levels);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(largest - least) + 1);
    for (const int level : levels) ++counts[static_cast<std::size_t>(level - least)];
    const auto total = static_cast<double>(levels.size());
    constexpr double kLearningBits = 2.0;  // for each value that occurs, as measured on compressed networks
    double bits = kStartBits;
    for (const std::int64_t count : counts) {
        if (count == 0) continue;
        bits += kLearningBits - static_cast<double>(count) * std::log2(static_cast<double>(count) / total);
    }
    return bits;
}

}  // namespace eigenbit::internal
