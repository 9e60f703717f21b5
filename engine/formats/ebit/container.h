#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The outer form of an .ebit file: a header, a table of contents with a checksum of every section, and the sections,
/// each at a multiple of 64 bytes (docs/ebit-format.md).
struct EbitSection {
    std::string name;       ///< four characters
    bool mandatory = true;  ///< readers that do not know the section or its coder must refuse the file
    int coder = 0;          ///< how the bytes are coded: what it stands for is the section's matter
    std::vector<std::uint8_t> bytes;
};

/// The file's bytes.
std::vector<std::uint8_t> write_container(std::span<const EbitSection> sections);

struct EbitContainer {
    struct Section {
        std::string name;
        bool mandatory = true;
        int coder = 0;
        std::span<const std::uint8_t> bytes;
    };

    std::vector<Section> sections;
    std::int64_t header_bytes = 0;  ///< the table of contents included
    std::int64_t padding_bytes = 0;

    bool has(std::string_view name) const;
    /// A section that is there.
    const Section& find(std::string_view name) const;
};

/// Finds the sections of a file's bytes, which must outlive the result. Throws Error, beginning with `file`, unless
/// lengths, offsets, checksums and reserved bytes are as they must be.
EbitContainer read_container(std::span<const std::uint8_t> bytes, std::string_view file);

}  // namespace eigenbit::internal
