#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Reads bytes as a packed file. If they are one, writing it again in both storage forms and reading that must give the
/// same file. Returns whether they are one; throws Error for nothing.
bool exercise_ebit(std::span<const std::uint8_t> bytes);

/// A file of the same sections with right offsets, lengths and checksums, so that damage gets past them. What has no
/// table of contents comes back as it is.
std::vector<std::uint8_t> with_valid_container(std::span<const std::uint8_t> bytes);

}  // namespace eigenbit::internal
