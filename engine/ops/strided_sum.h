#pragma once

#include "engine/ops/chunks.h"
#include "engine/ops/strided.h"

#include <array>
#include <vector>

namespace eigenbit {

/// The inner part of add_sums below: a walk's terms, summed in double.
template <std::size_t Operands, typename Terms>
class StridedSum {
  public:
    StridedSum(const StridedWalk<Operands>& walk, Terms terms) : walk_(walk), terms_(terms) {}

    /// Adds the terms of the positions begin … end-1 to the sums, of which the first has offset `first_sum`.
    void accumulate(std::int64_t begin, std::int64_t end, std::int64_t first_sum, std::vector<double>& sums) const {
        std::array<float, kBuffer> buffer;
        const auto& strides = walk_.innermost().strides;
        walk_.for_each_run(begin, end, [&](auto offsets, std::int64_t count) {
            while (count > 0) {
                const std::int64_t part = std::min(count, kBuffer);
                const float* terms = terms_(offsets, part, buffer.data());
                double* sum = sums.data() + offsets[0] - first_sum;
                if (strides[0] == 0) {
                    *sum += total(terms, part);
                } else {
                    for (std::int64_t i = 0; i < part; ++i) sum[i] += static_cast<double>(terms[i]);
                }
                for (std::size_t i = 0; i < Operands; ++i) offsets[i] += strides[i] * part;
                count -= part;
            }
        });
    }

  private:
    static constexpr std::int64_t kBuffer = 512;

    static double total(const float* terms, std::int64_t count) {
        std::array<double, 4> lanes{};
        std::int64_t i = 0;
        for (; i + 4 <= count; i += 4) {
            for (std::int64_t lane = 0; lane < 4; ++lane) {
                lanes[static_cast<std::size_t>(lane)] += static_cast<double>(terms[i + lane]);
            }
        }
        for (; i < count; ++i) lanes[0] += static_cast<double>(terms[i]);
        return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }

    const StridedWalk<Operands>& walk_;
    Terms terms_;
};

/// Adds `factor` times a sum of many terms to every element of a dense target, operand 0 of the walk, which stands
/// still along the axes that are summed over. terms(offsets, count, buffer) gives the `count` terms of a run: written
/// to the buffer, or where they already lie. The sums are in double, over chunks that never change, in order.
template <std::size_t Operands, typename Terms>
void add_sums(const StridedWalk<Operands>& walk, View target, float factor, Terms terms) {
    if (walk.elements() == 0) return;
    const StridedSum<Operands, Terms> sum(walk, terms);
    const auto add = [factor](const std::vector<double>& sums, float* to) {
        for (std::size_t i = 0; i < sums.size(); ++i)
            to[i] += static_cast<float>(sums[i] * static_cast<double>(factor));
    };

    const std::int64_t own = walk.outermost().strides[0];
    if (own != 0) {  // every index of the outermost axis has `own` sums to itself
        const std::int64_t item = walk.elements() / walk.outermost().extent;
        return for_each_chunk(walk.outermost().extent, item, [&](std::int64_t begin, std::int64_t end) {
            std::vector<double> sums(static_cast<std::size_t>((end - begin) * own));
            sum.accumulate(begin * item, end * item, begin * own, sums);
            add(sums, target.data + begin * own);
        });
    }

    constexpr std::int64_t kMostChunks = 64;
    constexpr std::int64_t kMostPartialSums = 1 << 22;
    const std::int64_t width = target.elements();
    const std::int64_t most = std::clamp<std::int64_t>(kMostPartialSums / width, 1, kMostChunks);
    const std::int64_t chunks =
        std::clamp(walk.elements() / std::max(kChunkElements, 4 * width), std::int64_t{1}, most);
    std::vector<std::vector<double>> partial(static_cast<std::size_t>(chunks));
    for_each_chunk(chunks, kChunkElements, [&](std::int64_t begin, std::int64_t) {
        auto& sums = partial[static_cast<std::size_t>(begin)];
        sums.resize(static_cast<std::size_t>(width));
        sum.accumulate(begin * walk.elements() / chunks, (begin + 1) * walk.elements() / chunks, 0, sums);
    });
    for (std::size_t chunk = 1; chunk < partial.size(); ++chunk) {
        for (std::size_t i = 0; i < partial[0].size(); ++i) partial[0][i] += partial[chunk][i];
    }
    add(partial[0], target.data);
}

/// The same for the elements of a dense tensor, with the strides at which the target follows them.
inline void add_sums(ConstView values, const Strides& target_strides, View target, float factor) {
    const StridedWalk<2> walk(values.shape, {target_strides, dense_strides(values.shape)});
    add_sums(walk, target, factor, [&](const auto& offsets, std::int64_t, float*) { return values.data + offsets[1]; });
}

}  // namespace eigenbit
