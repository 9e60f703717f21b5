#pragma once

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// XXH64 with seed 0 (Collet, "xxHash fast digest algorithm", version 0.1.1): finds damage, not forgery.
std::uint64_t checksum(std::span<const std::uint8_t> bytes);

}  // namespace eigenbit::internal
