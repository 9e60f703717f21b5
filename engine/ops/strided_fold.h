#pragma once

#include "engine/base/chunks.h"
#include "engine/ops/strided.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <vector>

namespace eigenbit::internal {

/// Gives `count` terms, those at the offsets and after: written to the buffer, which has room for
/// StridedFold::kLongestRun, or where they already lie.
template <std::size_t Operands>
using StridedTerms = std::function<const float*(const typename StridedWalk<Operands>::Offsets& offsets,
                                                std::int64_t count, float* buffer)>;

// What folds make of two numbers, and of none.

struct Sum {
    static constexpr double kOfNothing = 0.0;
    static double of(double a, double b) { return a + b; }
};

struct ProductOfAll {
    static constexpr double kOfNothing = 1.0;
    static double of(double a, double b) { return a * b; }
};

struct Largest {
    static constexpr double kOfNothing = -std::numeric_limits<double>::infinity();
    static double of(double a, double b) { return b > a || b != b ? b : a; }
};

struct Smallest {
    static constexpr double kOfNothing = std::numeric_limits<double>::infinity();
    static double of(double a, double b) { return b < a || b != b ? b : a; }
};

/// Sums, or the like, of many terms: every element of a dense target, operand 0 of a walk, gets that of the terms at
/// the positions where it is that operand, which stands still along the axes that are folded.
template <std::size_t Operands, typename Fold>
class StridedFold {
  public:
    static constexpr std::int64_t kLongestRun = 512;

    StridedFold(const StridedWalk<Operands>& walk, const StridedTerms<Operands>& terms) : walk_(walk), terms_(terms) {}

    /// target += factor · results. They are computed in double, over chunks that never change, in order.
    void add_to(View target, float factor) const {
        if (walk_.elements() == 0) return;
        if (walk_.outermost().strides[0] != 0) {
            add_kept(target, factor);
        } else {
            add_reduced(target, factor);
        }
    }

  private:
    /// Where the outermost axis is not folded, every index of it has its own part of the target.
    void add_kept(View target, float factor) const {
        const std::int64_t own = walk_.outermost().strides[0];
        const std::int64_t item = walk_.elements() / walk_.outermost().extent;
        for_each_chunk(walk_.outermost().extent, item, [&](std::int64_t begin, std::int64_t end) {
            std::vector<double> sums(static_cast<std::size_t>((end - begin) * own), Fold::kOfNothing);
            accumulate(begin * item, end * item, begin * own, sums);
            add(sums, factor, target.data + begin * own);
        });
    }

    /// Where it is, all chunks have a part in all sums.
    void add_reduced(View target, float factor) const {
        constexpr std::int64_t kMostChunks = 64;
        constexpr std::int64_t kMostPartialSums = 1 << 22;
        const std::int64_t width = target.elements();
        const std::int64_t most = std::clamp<std::int64_t>(kMostPartialSums / width, 1, kMostChunks);
        const std::int64_t wanted = walk_.elements() / std::max(kChunkElements, 4 * width);
        const std::int64_t chunks = std::clamp<std::int64_t>(wanted, 1, most);
        std::vector<std::vector<double>> partial(static_cast<std::size_t>(chunks));
        for_each_chunk(chunks, kChunkElements, [&](std::int64_t chunk, std::int64_t) {
            auto& sums = partial[static_cast<std::size_t>(chunk)];
            sums.resize(static_cast<std::size_t>(width), Fold::kOfNothing);
            accumulate(chunk * walk_.elements() / chunks, (chunk + 1) * walk_.elements() / chunks, 0, sums);
        });
        for (std::size_t chunk = 1; chunk < partial.size(); ++chunk) {
            for (std::size_t i = 0; i < partial[0].size(); ++i)
                partial[0][i] = Fold::of(partial[0][i], partial[chunk][i]);
        }
        add(partial[0], factor, target.data);
    }

    /// Adds the terms of the positions begin … end-1 to the sums; sums[0] has offset `first_sum`.
    void accumulate(std::int64_t begin, std::int64_t end, std::int64_t first_sum, std::vector<double>& sums) const {
        std::array<float, kLongestRun> buffer;
        const bool summed = walk_.innermost().strides[0] == 0;
        const auto add_run = [&](const auto& offsets, std::int64_t count) {
            const float* terms = terms_(offsets, count, buffer.data());
            double* sum = sums.data() + offsets[0] - first_sum;
            if (summed) {
                *sum = Fold::of(*sum, total(terms, count));
            } else {
                for (std::int64_t i = 0; i < count; ++i) sum[i] = Fold::of(sum[i], static_cast<double>(terms[i]));
            }
        };
        walk_.for_each_run(begin, end, add_run, kLongestRun);
    }

    static double total(const float* terms, std::int64_t count) {
        std::array<double, 4> lanes;
        lanes.fill(Fold::kOfNothing);
        std::int64_t i = 0;
        for (; i + 4 <= count; i += 4) {
            for (std::int64_t lane = 0; lane < 4; ++lane) {
                double& result = lanes[static_cast<std::size_t>(lane)];
                result = Fold::of(result, static_cast<double>(terms[i + lane]));
            }
        }
        for (; i < count; ++i) lanes[0] = Fold::of(lanes[0], static_cast<double>(terms[i]));
        return Fold::of(Fold::of(lanes[0], lanes[1]), Fold::of(lanes[2], lanes[3]));
    }

    static void add(const std::vector<double>& sums, float factor, float* target) {
        for (std::size_t i = 0; i < sums.size(); ++i) {
            target[i] += static_cast<float>(sums[i] * static_cast<double>(factor));
        }
    }

    const StridedWalk<Operands>& walk_;
    const StridedTerms<Operands>& terms_;
};

template <std::size_t Operands>
using StridedSum = StridedFold<Operands, Sum>;

/// target += factor · sums of the elements of a dense tensor, which the target follows with these strides.
inline void add_sums(ConstView values, const Strides& target_strides, View target, float factor) {
    const StridedWalk<2> walk(values.shape, {target_strides, dense_strides(values.shape)});
    const StridedTerms<2> terms = [&](const auto& offsets, std::int64_t, float*) { return values.data + offsets[1]; };
    StridedSum<2>(walk, terms).add_to(target, factor);
}

}  // namespace eigenbit::internal
