#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace eigenbit::internal {

/// How often each code occurs; code c at c + 128.
using CodeHistogram = std::array<std::int64_t, 256>;

/// What indices of less than 8 bits stand for: code = low[index % 16] + high[index / 16], which every instruction set
/// can look up in registers. Codes without an index are exceptions.
struct Codebook {
    static constexpr std::uint8_t kNone = 255;

    std::size_t bits;         // 1 … 7
    std::size_t size;         // indices that stand for a code
    std::int64_t exceptions;  // how many
    double bits_per_code;     // with what exceptions take
    std::array<std::int8_t, 16> low{};
    std::array<std::int8_t, 16> high{};

    /// Of code c at c mod 256; kNone for exceptions.
    std::array<std::uint8_t, 256> indices() const;
};

/// Bytes that an exception takes: its place and its code.
constexpr std::int64_t kExceptionBytes = 5;

/// The packing that takes the fewest bytes, if any takes less than 8 bits a code. Up to four bits the indices number
/// neighbours among the codes that occur, beyond that every or every second integer. Exceptions are few enough to be
/// put right in a small part of the time of one multiplication of each code by some dozen pixels.
std::optional<Codebook> shortest_packing(const CodeHistogram& histogram);

}  // namespace eigenbit::internal
