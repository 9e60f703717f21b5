#include "tests/fuzz/ebit_exercise.h"

#include "engine/base/error.h"
#include "engine/formats/ebit/bytes.h"
#include "engine/formats/ebit/container.h"
#include "engine/formats/ebit/ebit.h"

#include <algorithm>
#include <cstdlib>

namespace eigenbit::internal {

bool exercise_ebit(std::span<const std::uint8_t> bytes) {
    EbitFile file;
    try {
        file = read_ebit(bytes, "input");
    } catch (const Error&) {
        return false;
    }
    for (const LevelStorage storage : {LevelStorage::fixed, LevelStorage::entropy}) {
        std::vector<std::uint8_t> again;
        try {
            EncodedEbit encoded = encode_ebit(file.model, storage);
            if (encoded.sizes.total() != std::ssize(encoded.bytes)) std::abort();
            again = std::move(encoded.bytes);
            if (encode_ebit(read_ebit(again, "again").model, storage).bytes != again) std::abort();
        } catch (const Error&) {
            // Fewer bytes may not justify as many weights.
            if (again.size() >= bytes.size()) std::abort();
        }
    }
    return true;
}

std::vector<std::uint8_t> with_valid_container(std::span<const std::uint8_t> bytes) {
    constexpr std::size_t kHeaderBytes = 64, kEntryBytes = 32, kMostSections = 8;
    std::vector<EbitSection> sections;
    for (std::size_t i = 0; i < kMostSections && kHeaderBytes + (i + 1) * kEntryBytes <= bytes.size(); ++i) {
        ByteReader entry(bytes.subspan(kHeaderBytes + i * kEntryBytes, kEntryBytes), "entry");
        const auto name = entry.raw(4, "name");
        const bool mandatory = entry.number(2, "flags") != 0;
        const auto coder = static_cast<int>(entry.number(2, "coder"));
        const std::uint64_t offset = std::min<std::uint64_t>(entry.number(8, "offset"), bytes.size());
        const std::uint64_t length = std::min<std::uint64_t>(entry.number(8, "length"), bytes.size() - offset);
        const auto content = bytes.subspan(offset, length);
        if (std::ranges::all_of(name, [](std::uint8_t c) { return c == 0; })) break;  // padding
        sections.push_back({{name.begin(), name.end()}, mandatory, coder, {content.begin(), content.end()}});
    }
    return sections.empty() ? std::vector(bytes.begin(), bytes.end()) : write_container(sections);
}

}  // namespace eigenbit::internal
