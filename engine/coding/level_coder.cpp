#include "engine/coding/level_coder.h"

#include "engine/coding/level_model.h"

#include <algorithm>
#include <array>
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
class KernelCoder {
  public:
    /// Takes the coder until finish; `start` is the block's, 0 … 31.
    KernelCoder(Coder& coder, const BlockLayout& layout, int start)
        : coder_(std::move(coder)),
          neighbourhood_(start + kLowestStart, layout.kernels()),
          kernels_(static_cast<std::size_t>(layout.kernels())) {}

    /// The next kCount kernels of a block in stored order, of `taps` levels each.
    template <std::size_t kCount>
    [[gnu::always_inline]] void code(Level* first, std::int64_t taps, std::int64_t width) {
        std::array<Lane, kCount> lanes;
#pragma GCC unroll 2
        for (Lane& lane : lanes) {
            lane.kernel = kernel_;
            lane.taps = first;
            lane.mean = neighbourhood_.kernel_mean(kernel_);
            first += taps;
            if (++kernel_ == kernels_) kernel_ = 0;
        }
        code_row<false>(lanes, 0, width);
        for (std::int64_t tap = width; tap < taps; tap += width) code_row<true>(lanes, tap, width);
        for (const Lane& lane : lanes) neighbourhood_.kernel_mean(lane.kernel) = lane.mean;
    }

    Coder finish() && { return std::move(coder_); }

  private:
    struct Lane {
        std::size_t kernel;
        Level* taps;
        std::int64_t mean;
        SignedLevel left;  // what was coded last
    };

    /// The taps of a row of each kernel, from `tap` on.
    template <bool kHasAbove, std::size_t kCount>
    [[gnu::always_inline]] void code_row(std::array<Lane, kCount>& lanes, std::int64_t tap, std::int64_t width) {
        code_taps<false, kHasAbove>(lanes, tap, width);
#pragma GCC unroll 2
        for (std::int64_t column = 1; column < width; ++column) code_taps<true, kHasAbove>(lanes, tap + column, width);
    }

    /// The same tap of each kernel: their contexts first, which then need not wait for each other's levels.
    template <bool kHasLeft, bool kHasAbove, std::size_t kCount>
    [[gnu::always_inline]] void code_taps(std::array<Lane, kCount>& lanes, std::int64_t tap, std::int64_t width) {
        std::array<LevelContext, kCount> contexts;
#pragma GCC unroll 2
        for (std::size_t i = 0; i < kCount; ++i) {
            const int above = kHasAbove ? lanes[i].taps[tap - width] : 0;
            contexts[i] = neighbourhood_.context<kHasLeft, kHasAbove>(lanes[i].mean, lanes[i].left, above);
        }
        std::int64_t magnitudes = 0;
#pragma GCC unroll 2
        for (std::size_t i = 0; i < kCount; ++i) {
            Lane& lane = lanes[i];
            lane.left = model_->code(coder_, static_cast<int>(i), contexts[i], lane.taps[tap]);
            if constexpr (Coder::kDecodes) lane.taps[tap] = static_cast<std::int16_t>(lane.left.level);
            lane.mean = LevelNeighbourhood::moved(lane.mean, lane.left.magnitude);
            magnitudes += lane.left.magnitude;
        }
        neighbourhood_.add(magnitudes, static_cast<int>(kCount));
    }

    Coder coder_;
    LevelNeighbourhood neighbourhood_;
    std::unique_ptr<LevelModel> model_ = std::make_unique<LevelModel>();
    std::size_t kernels_;
    std::size_t kernel_ = 0;  // the next
};

/// In parts of as many channels as there is memory for, each of which is visited.
template <typename Coder, typename Level>
void code_block(Coder& coder, const BlockLayout& layout, std::span<Level> memory, const auto& visit) {
    int start = 0;
    if constexpr (!Coder::kDecodes) start = start_of(memory);
    start = LevelModel::code_raw(coder, 0, kStartBits, start);
    KernelCoder<Coder, Level> kernels(coder, layout, start);
    const std::int64_t taps = layout.taps();
    const std::int64_t width = layout.kernel_width();
    const std::int64_t filter = layout.kernels() * taps;
    const std::int64_t most = std::ssize(memory) / filter;
    for (std::int64_t channel = 0; channel < layout.channels(); channel += most) {
        const std::int64_t count = std::min(most, layout.channels() - channel);
        const std::span<Level> part = memory.first(static_cast<std::size_t>(count * filter));
        Level* const end = part.data() + part.size();
        Level* first = part.data();
        for (; end - first >= kLanes * taps; first += kLanes * taps) kernels.template code<kLanes>(first, taps, width);
        if (first != end) kernels.template code<1>(first, taps, width);
        visit(channel, part);
    }
    coder = std::move(kernels).finish();
}

constexpr auto kUnvisited = [](std::int64_t, std::span<const std::int16_t>) {};

}  // namespace

std::int64_t LevelEncoder::write(const BlockLayout& layout, std::span<const std::int16_t> levels) {
    code_block(coder_, layout, levels, kUnvisited);
    return static_cast<std::int64_t>(std::ceil(coder_.bits()));
}

void LevelDecoder::read(const BlockLayout& layout, std::span<std::int16_t> memory, const Visit& visit) {
    code_block(coder_, layout, memory, visit);
}

double coded_bits(std::span<const std::int16_t> levels, const Shape& shape, int axis) {
    const BlockLayout layout(shape, axis, 0, shape[axis]);
    const std::vector<std::int16_t> stored = layout.gather(levels);
    IntervalMeter meter;
    code_block(meter, layout, std::span<const std::int16_t>(stored), kUnvisited);
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
