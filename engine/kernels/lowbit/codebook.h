#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace eigenbit::internal {

/// How often each code occurs; code c at c + 128.
using CodeHistogram = std::array<std::int64_t, 256>;

/// What indices of less than 8 bits stand for: of up to four bits, codes that every instruction set can look up in a
/// register; of more, multiples of a factor. Codes without an index are exceptions.
struct Codebook {
    static constexpr std::uint8_t kNone = 255;

    std::size_t bits;         // 1 … 7
    std::size_t size;         // indices that stand for a code
    std::int64_t exceptions;  // how many
    double bits_per_code;     // with what exceptions take
    int factor;               // 1 or 2: code = values[0] + factor · index; 0: code = values[index]
    std::array<std::int8_t, 16> values{};

    /// Of code c at c mod 256; kNone for exceptions.
    std::array<std::uint8_t, 256> indices() const;
};

/// A code without an index: what it takes, and how many codes there must be for each.
struct ExceptionCost {
    std::int64_t bits;
    std::int64_t codes_per_exception;
};

/// Neighbours in a sequence of codes: as many as indices of so many bits tell apart, from position `begin` on.
struct CodeWindow {
    std::size_t begin;
    std::size_t bits;
    std::int64_t exceptions;  // codes outside
    std::int64_t total_bits;  // of all codes, exceptions included
};

/// The window of least_bits … most_bits that takes the fewest bits in all, if one takes less than 8 a code.
std::optional<CodeWindow> shortest_window(const CodeHistogram& histogram, std::span<const int> codes,
                                          std::size_t least_bits, std::size_t most_bits, const ExceptionCost& cost);

/// Bytes that an exception takes: its place and its code.
constexpr std::int64_t kExceptionBytes = 5;

/// The packing that takes the fewest bytes, if any takes less than 8 bits a code. Up to four bits the indices number
/// neighbours among the codes that occur, beyond that every or every second integer. Exceptions are few enough to be
/// put right in a small part of the time of one multiplication of each code by some dozen pixels.
std::optional<Codebook> shortest_packing(const CodeHistogram& histogram);

}  // namespace eigenbit::internal
