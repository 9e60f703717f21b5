#include "engine/formats/arrays/npz.h"

#include "engine/base/error.h"
#include "engine/formats/arrays/npy.h"

#include <cstdlib>
#include <memory>
#include <utility>
#include <zip.h>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kSuffix = ".npy";
// Compressed data say how large they become; no NumPy array is smaller than this share of it.
constexpr std::uint64_t kLargestRatio = 2000;

struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
    void operator()(zip_file_t* file) const { zip_fclose(file); }
    void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

[[noreturn]] void fail_with(zip_error_t& error) {
    const std::string sentence = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail("the archive cannot be used: {}", sentence);
}

/// A source of bytes in memory that stays when an archive takes its own share of it.
Source make_source(const void* bytes, std::size_t size) {
    zip_error_t error;
    zip_error_init(&error);
    Source source(zip_source_buffer_create(bytes, size, 0, &error));
    if (!source) fail_with(error);
    return source;
}

Archive open_archive(const Source& source, int flags) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_keep(source.get());
    Archive archive(zip_open_from_source(source.get(), flags, &error));
    if (archive) return archive;
    zip_source_free(source.get());
    fail_with(error);
}

std::vector<std::uint8_t> read_entry(zip_t* archive, zip_uint64_t index, const zip_stat_t& entry) {
    if (entry.size > (entry.comp_size + 1) * kLargestRatio) fail("'{}' says that it is too large", entry.name);
    const std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive, index, 0));
    std::vector<std::uint8_t> bytes(entry.size);
    if (!file || zip_fread(file.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size())) {
        fail("'{}' is damaged or stored in a way that is not supported", entry.name);
    }
    // The end of the file is where its checksum is looked at.
    std::uint8_t more = 0;
    if (zip_fread(file.get(), &more, 1) != 0) fail("'{}' is damaged", entry.name);
    return bytes;
}

}  // namespace

std::vector<NamedArray> decode_npz(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) fail("the file is empty");  // to libzip an archive without entries
    const Source source = make_source(bytes.data(), bytes.size());
    const Archive archive = open_archive(source, ZIP_RDONLY);
    std::vector<NamedArray> arrays;
    const zip_int64_t entries = zip_get_num_entries(archive.get(), 0);
    for (zip_uint64_t index = 0; std::cmp_less(index, entries); ++index) {
        zip_stat_t entry;
        zip_stat_init(&entry);
        constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
        if (zip_stat_index(archive.get(), index, 0, &entry) != 0 || (entry.valid & kNeeded) != kNeeded) {
            fail("entry {} of the archive is damaged", index);
        }
        std::string name = entry.name;
        if (!name.ends_with(kSuffix)) fail("'{}' of the archive is no .npy file", name);
        name.resize(name.size() - kSuffix.size());
        arrays.push_back({name, decode_npy(read_entry(archive.get(), index, entry), formatted("array '{}'", name))});
    }
    return arrays;
}

std::vector<std::uint8_t> encode_npz(const std::vector<NamedArray>& arrays) {
    const Source source = make_source(nullptr, 0);
    Archive archive = open_archive(source, ZIP_TRUNCATE);
    std::vector<std::vector<std::uint8_t>> files;
    for (const NamedArray& array : arrays) files.push_back(encode_npy(array.values));
    for (std::size_t i = 0; i < files.size(); ++i) {
        zip_source_t* const file = zip_source_buffer(archive.get(), files[i].data(), files[i].size(), 0);
        const std::string name = arrays[i].name + std::string(kSuffix);
        const zip_int64_t index =
            file == nullptr ? -1 : zip_file_add(archive.get(), name.c_str(), file, ZIP_FL_ENC_UTF_8);
        if (index < 0) {
            zip_source_free(file);
            fail("'{}' cannot be put into an archive: {}", name, zip_strerror(archive.get()));
        }
        zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    }
    if (zip_close(archive.get()) != 0) fail("the archive cannot be made: {}", zip_strerror(archive.get()));
    static_cast<void>(archive.release());  // closing freed it

    zip_stat_t written;
    if (zip_source_stat(source.get(), &written) != 0 || zip_source_open(source.get()) != 0)
        fail("the archive cannot be made");
    std::vector<std::uint8_t> bytes(written.size);
    const zip_int64_t count = zip_source_read(source.get(), bytes.data(), bytes.size());
    zip_source_close(source.get());
    if (!std::cmp_equal(count, bytes.size())) fail("the archive cannot be made");
    return bytes;
}

}  // namespace eigenbit::internal
