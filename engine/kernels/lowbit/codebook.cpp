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

/// Neighbours in a sequence.
struct Window {
    const Sequence* sequence;
    std::size_t begin;
    std::size_t bits;
    std::int64_t exceptions;
    double bits_per_code;
};

Codebook packing_of(const Window& window) {
    const std::span codes = std::span(window.sequence->codes).subspan(window.begin);
    Codebook packing{.bits = window.bits,
                     .size = std::min(codes.size(), std::size_t{1} << window.bits),
                     .exceptions = window.exceptions,
                     .bits_per_code = window.bits_per_code,
                     .factor = window.sequence->factor};
    std::copy_n(codes.begin(), std::min(packing.size, packing.values.size()), packing.values.begin());
    return packing;
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

std::optional<Codebook> shortest_packing(const CodeHistogram& histogram) {
    const std::int64_t count = std::accumulate(histogram.begin(), histogram.end(), std::int64_t{0});
    std::int64_t least_bits = 8 * count;
    std::optional<Window> best;
    const std::vector<Sequence> choices = sequences(histogram);
    for (const Sequence& sequence : choices) {
        std::vector<std::int64_t> before{0};  // how many codes occur before each of the sequence
        for (const int code : sequence.codes) {
            before.push_back(before.back() + histogram[static_cast<std::size_t>(code + 128)]);
        }
        for (std::size_t bits = sequence.least_bits; bits <= sequence.most_bits; ++bits) {
            for (std::size_t begin = 0; begin < sequence.codes.size(); ++begin) {
                const std::size_t end = std::min(sequence.codes.size(), begin + (std::size_t{1} << bits));
                const std::int64_t exceptions = count - (before[end] - before[begin]);
                const std::int64_t total = static_cast<std::int64_t>(bits) * count + 8 * kExceptionBytes * exceptions;
                if (exceptions * kCodesPerException > count || total >= least_bits) continue;
                least_bits = total;
                best =
                    Window{&sequence, begin, bits, exceptions, static_cast<double>(total) / static_cast<double>(count)};
            }
        }
    }
    if (!best) return std::nullopt;
    return packing_of(*best);
}

}  // namespace eigenbit::internal
