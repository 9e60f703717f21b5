#include "engine/kernels/lowbit/codebook.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kCodesPerException = 128;

/// Codes in the order in which they may be numbered.
struct Sequence {
    std::vector<int> codes;
    std::size_t least_bits, most_bits;  // of indices
    int factor;                         // as Codebook's
};

std::vector<Sequence> sequences(const CodeHistogram& histogram) {
    Sequence occurring{{}, 1, 4, 0};
    Sequence all{{}, 5, 7, 1};
    Sequence even{{}, 5, 7, 2};
    Sequence odd{{}, 5, 7, 2};
    for (int code = -128; code < 128; ++code) {
        if (histogram[static_cast<std::size_t>(code + 128)] > 0) occurring.codes.push_back(code);
        all.codes.push_back(code);
        (code % 2 == 0 ? even : odd).codes.push_back(code);
    }
    return {occurring, all, even, odd};
}

Codebook packing_of(const Sequence& sequence, const CodeWindow& window, std::int64_t count) {
    const std::span codes = std::span(sequence.codes).subspan(window.begin);
    Codebook packing{.bits = window.bits,
                     .size = std::min(codes.size(), std::size_t{1} << window.bits),
                     .exceptions = window.exceptions,
                     .bits_per_code = static_cast<double>(window.total_bits) / static_cast<double>(count),
                     .factor = sequence.factor};
    std::copy_n(codes.begin(), std::min(packing.size, packing.values.size()), packing.values.begin());
    return packing;
}

std::int64_t total(const CodeHistogram& histogram) {
    return std::accumulate(histogram.begin(), histogram.end(), std::int64_t{0});
}

}  // namespace

std::array<std::uint8_t, 256> Codebook::indices() const {
    std::array<std::uint8_t, 256> result;
    result.fill(kNone);
    for (std::size_t i = 0; i < size; ++i) {
        const int code = factor == 0 ? values[i] : values[0] + factor * static_cast<int>(i);
        result[static_cast<std::uint8_t>(code)] = static_cast<std::uint8_t>(i);
    }
    return result;
}

std::optional<CodeWindow> shortest_window(const CodeHistogram& histogram, std::span<const int> codes,
                                          std::size_t least_bits, std::size_t most_bits, const ExceptionCost& cost) {
    const std::int64_t count = total(histogram);
    std::vector<std::int64_t> before{0};  // how many codes occur before each of the sequence
    for (const int code : codes) {
        before.push_back(before.back() + histogram[static_cast<std::size_t>(code + 128)]);
    }
    std::optional<CodeWindow> best;
    for (std::size_t bits = least_bits; bits <= most_bits; ++bits) {
        for (std::size_t begin = 0; begin < codes.size(); ++begin) {
            const std::size_t end = std::min(codes.size(), begin + (std::size_t{1} << bits));
            const std::int64_t exceptions = count - (before[end] - before[begin]);
            const std::int64_t total_bits = static_cast<std::int64_t>(bits) * count + cost.bits * exceptions;
            if (exceptions * cost.codes_per_exception > count) continue;
            if (total_bits < (best ? best->total_bits : 8 * count)) best = {begin, bits, exceptions, total_bits};
        }
    }
    return best;
}

std::optional<Codebook> shortest_packing(const CodeHistogram& histogram) {
    constexpr ExceptionCost kCost{8 * kExceptionBytes, kCodesPerException};
    const std::int64_t count = total(histogram);
    std::optional<Codebook> best;
    std::int64_t least_bits = 0;
    for (const Sequence& sequence : sequences(histogram)) {
        if (best && static_cast<std::int64_t>(sequence.least_bits) * count >= least_bits) continue;
        const auto window = shortest_window(histogram, sequence.codes, sequence.least_bits, sequence.most_bits, kCost);
        if (!window || (best && window->total_bits >= least_bits)) continue;
        least_bits = window->total_bits;
        best = packing_of(sequence, *window, count);
    }
    return best;
}

}  // namespace eigenbit::internal
