#include "engine/formats/ebit/container.h"

#include "engine/base/error.h"
#include "engine/formats/checksum.h"
#include "engine/formats/ebit/bytes.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

// As in PNG: a byte that is no text, a carriage return and a line feed find transfers that took the file for text.
constexpr std::array<std::uint8_t, 8> kMagic{0x89, 'E', 'B', 'I', 'T', '\r', '\n', 0x1A};
constexpr int kMajorVersion = 4;
constexpr int kMinorVersion = 0;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kEntryBytes = 32;
constexpr std::size_t kNameBytes = 4;
constexpr std::size_t kChecksumPosition = 24;
constexpr std::size_t kMostSections = 64;
constexpr std::uint64_t kMandatory = 1;

std::size_t aligned(std::size_t position) { return (position + kAlignment - 1) / kAlignment * kAlignment; }

/// Of the header and the table of contents, the checksum's own bytes taken as 0.
std::uint64_t header_checksum(std::span<const std::uint8_t> bytes) {
    std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
    std::fill_n(copy.begin() + kChecksumPosition, 8, std::uint8_t{0});
    return checksum(copy);
}

bool all_zero(std::span<const std::uint8_t> bytes) {
    return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

/// Reads the header and the table of contents.
class ContainerReader {
  public:
    ContainerReader(std::span<const std::uint8_t> bytes, std::string_view file)
        : bytes_(bytes), file_(file), reader_(bytes, file_) {}

    EbitContainer read() {
        const std::uint64_t sections = read_header();
        for (std::uint64_t i = 0; i < sections; ++i) read_entry();
        if (end_ != bytes_.size()) fail("{} has {} bytes after its last section", file_, bytes_.size() - end_);
        return std::move(container_);
    }

  private:
    /// Returns the number of sections.
    std::uint64_t read_header() {
        if (bytes_.size() < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), bytes_.begin())) {
            fail("{} is no .ebit file: it does not begin with the bytes \\x89EBIT\\r\\n\\x1A", file_);
        }
        reader_.raw(kMagic.size(), kHeader);
        const std::uint64_t major = reader_.number(2, kHeader);
        const std::uint64_t minor = reader_.number(2, kHeader);
        if (major != kMajorVersion) {
            fail("{} has version {}.{} of the format, {}.x was expected", file_, major, minor, kMajorVersion);
        }
        const std::uint64_t sections = reader_.number(4, kHeader);
        const std::uint64_t length = reader_.number(8, kHeader);
        if (length != bytes_.size()) fail("{} has {} bytes, its header says {}", file_, bytes_.size(), length);
        if (sections > kMostSections) {
            fail("{} has {} sections, at most {} were expected", file_, sections, kMostSections);
        }
        const std::uint64_t expected_checksum = reader_.number(8, kHeader);
        if (!all_zero(reader_.raw(kHeaderBytes - kChecksumPosition - 8, kHeader))) {
            fail("{}: reserved bytes of the header are not 0", file_);
        }
        end_ = kHeaderBytes + sections * kEntryBytes;
        if (end_ > bytes_.size()) fail("{} ends within the table of contents", file_);
        if (header_checksum(bytes_.first(end_)) != expected_checksum) {
            fail("{} is damaged: the checksum of its header is wrong", file_);
        }
        container_.header_bytes = static_cast<std::int64_t>(end_);
        return sections;
    }

    void read_entry() {
        const auto letters = reader_.raw(kNameBytes, kContents);
        EbitContainer::Section section{.name{letters.begin(), letters.end()}, .bytes = {}};
        if (!std::ranges::all_of(section.name, [](char c) { return c >= '!' && c <= '~'; })) {
            fail("{}: the name of a section is no text", file_);
        }
        const std::string where = formatted("{}: section {}", file_, section.name);
        if (container_.has(section.name)) fail("{} is there twice", where);
        const std::uint64_t flags = reader_.number(2, kContents);
        if (flags > kMandatory) fail("{} has the flags {:#x}, 0 or 1 was expected", where, flags);
        section.mandatory = flags == kMandatory;
        section.coder = static_cast<int>(reader_.number(2, kContents));

        const std::uint64_t offset = reader_.number(8, kContents);
        const std::uint64_t length = reader_.number(8, kContents);
        if (offset != aligned(end_) || offset > bytes_.size()) {
            fail("{} begins at byte {} of {}, {} was expected", where, offset, bytes_.size(), aligned(end_));
        }
        if (length > bytes_.size() - offset) {
            fail("{} has {} bytes, only {} are left in the file", where, length, bytes_.size() - offset);
        }
        if (!all_zero(bytes_.subspan(end_, offset - end_))) fail("{}: the bytes in front of it are not 0", where);
        section.bytes = bytes_.subspan(offset, length);
        if (checksum(section.bytes) != reader_.number(8, kContents)) {
            fail("{} is damaged: its checksum is wrong", where);
        }
        container_.padding_bytes += static_cast<std::int64_t>(offset - end_);
        end_ = offset + length;
        container_.sections.push_back(std::move(section));
    }

    static constexpr std::string_view kHeader = "the header";
    static constexpr std::string_view kContents = "the table of contents";

    std::span<const std::uint8_t> bytes_;
    std::string file_;
    ByteReader reader_;
    std::size_t end_ = 0;  // of the last section read
    EbitContainer container_;
};

}  // namespace

std::vector<std::uint8_t> write_container(std::span<const EbitSection> sections) {
    const std::size_t header_bytes = kHeaderBytes + sections.size() * kEntryBytes;
    std::size_t length = header_bytes;
    for (const EbitSection& section : sections) length = aligned(length) + section.bytes.size();

    ByteWriter header;
    header.raw(kMagic);
    header.number(kMajorVersion, 2);
    header.number(kMinorVersion, 2);
    header.number(sections.size(), 4);
    header.number(length, 8);
    while (header.bytes().size() < kHeaderBytes) header.number(0, 1);  // the checksum comes last; the rest is reserved
    std::size_t end = header_bytes;
    for (const EbitSection& section : sections) {
        for (const char c : section.name) header.number(static_cast<std::uint8_t>(c), 1);
        header.number(section.mandatory ? kMandatory : 0, 2);
        header.number(static_cast<std::uint64_t>(section.coder), 2);
        header.number(aligned(end), 8);
        header.number(section.bytes.size(), 8);
        header.number(checksum(section.bytes), 8);
        end = aligned(end) + section.bytes.size();
    }
    std::vector<std::uint8_t> bytes = std::move(header).take();
    const std::uint64_t sum = header_checksum(bytes);
    for (std::size_t i = 0; i < 8; ++i) bytes[kChecksumPosition + i] = static_cast<std::uint8_t>(sum >> (8 * i));

    bytes.reserve(length);
    for (const EbitSection& section : sections) {
        bytes.resize(aligned(bytes.size()));
        bytes.insert(bytes.end(), section.bytes.begin(), section.bytes.end());
    }
    return bytes;
}

bool EbitContainer::has(std::string_view name) const {
    return std::ranges::find(sections, name, &Section::name) != sections.end();
}

const EbitContainer::Section& EbitContainer::find(std::string_view name) const {
    return *std::ranges::find(sections, name, &Section::name);
}

EbitContainer read_container(std::span<const std::uint8_t> bytes, std::string_view file) {
    return ContainerReader(bytes, file).read();
}

}  // namespace eigenbit::internal
