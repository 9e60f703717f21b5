#include "tests/fuzz/damage.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace eigenbit::internal {

void damage(std::vector<std::uint8_t>& bytes, Random& random) {
    constexpr std::array<std::uint8_t, 8> kTelling{0, 1, 0x7F, 0x80, 0xFF, 0xFE, 0x40, 16};
    for (std::int64_t times = 1 + random.below(4); times > 0; --times) {
        const auto size = static_cast<std::int64_t>(bytes.size());
        const std::int64_t at = random.below(size + 1);
        const std::int64_t count = std::min(1 + random.below(8), size - at);
        const auto begin = bytes.begin() + at;
        switch (random.below(6)) {
        case 0:
            if (at < size) *begin ^= static_cast<std::uint8_t>(1U << random.below(8));
            break;
        case 1:
            if (at < size) *begin = kTelling[static_cast<std::size_t>(random.below(8))];
            break;
        case 2:
            if (at < size) *begin = static_cast<std::uint8_t>(random.below(256));
            break;
        case 3:
            bytes.erase(begin, begin + count);
            break;
        case 4:
            bytes.insert(begin, static_cast<std::size_t>(1 + random.below(4)),
                         kTelling[static_cast<std::size_t>(random.below(8))]);
            break;
        default: {
            const std::vector<std::uint8_t> copy(begin, begin + count);
            bytes.insert(bytes.begin() + random.below(size + 1), copy.begin(), copy.end());
        }
        }
    }
}

int damaged_inputs() {
    const char* wanted = std::getenv("EIGENBIT_FUZZ_INPUTS");
    return wanted != nullptr ? std::atoi(wanted) : 12'000;
}

}  // namespace eigenbit::internal
