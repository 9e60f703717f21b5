#include "engine/formats/file.h"

#include "engine/base/error.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace eigenbit::internal {
namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

std::string reason(int error) { return std::generic_category().message(error); }

/// Empty on success, otherwise why it failed.
std::string write_bytes(const std::filesystem::path& path, std::span<const std::span<const std::uint8_t>> pieces) {
    File file(std::fopen(path.c_str(), "wb"));
    if (!file) return reason(errno);
    for (const std::span<const std::uint8_t> bytes : pieces) {
        // Without bytes there is no address either, which fwrite must have.
        if (bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size()) continue;
        return reason(errno);
    }
    // Only what has reached the disk may take the place of the file that was there.
    if (std::fflush(file.get()) != 0) return reason(errno);
    if (::fsync(::fileno(file.get())) != 0 && errno != EINVAL) return reason(errno);  // EINVAL: a pipe or a device
    return std::fclose(file.release()) == 0 ? "" : reason(errno);
}

/// The file that a link stands for, whether it is there or not.
std::filesystem::path behind_links(std::filesystem::path path) {
    constexpr int kMostLinks = 40;  // of Linux too
    std::error_code error;
    for (int links = 0; links < kMostLinks && std::filesystem::is_symlink(path, error); ++links) {
        path = path.parent_path() / std::filesystem::read_symlink(path, error);
    }
    return path;
}

std::filesystem::path partial_file(const std::filesystem::path& path) {
    std::filesystem::path partial = path;
    return partial += formatted(".{}.partial", ::getpid());
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        fail("cannot read \"{}\": it is a folder, a file was expected", path.string());
    }
    const File file(std::fopen(path.c_str(), "rb"));
    if (!file) fail("cannot read \"{}\": {}", path.string(), reason(errno));
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) fail("cannot read \"{}\": {}", path.string(), error.message());
    std::vector<std::uint8_t> bytes(size);
    if (std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
        fail("cannot read \"{}\": it ended before its {} bytes were read", path.string(), size);
    }
    return bytes;
}

bool is_stream(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)
           && !std::filesystem::is_directory(status);
}

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
    if (!is_stream(path)) return write_files(std::array{NewFile{path, {bytes}}});
    const std::string failure = write_bytes(path, std::array{bytes});
    if (!failure.empty()) fail("cannot write \"{}\": {}", path.string(), failure);
}

void write_files(std::span<const NewFile> files) {
    std::vector<std::filesystem::path> written;
    std::error_code error;
    const auto give_up = [&](const NewFile& file, const std::string& why) {
        for (const std::filesystem::path& path : written) std::filesystem::remove(path, error);
        fail("cannot write \"{}\": {}", file.path.string(), why);
    };
    for (const NewFile& file : files) {
        if (is_stream(file.path)) give_up(file, "it is a device or a pipe, and another file belongs to it");
        written.push_back(partial_file(behind_links(file.path)));
        const std::string failure = write_bytes(written.back(), file.pieces);
        if (!failure.empty()) give_up(file, failure);
    }
    // At no time an old file lies beside a new one that it does not belong to.
    if (files.size() > 1) std::filesystem::remove(behind_links(files.back().path), error);
    for (std::size_t i = 0; i < files.size(); ++i) {
        const std::filesystem::path target = behind_links(files[i].path);
        std::filesystem::rename(written[i], target, error);
        if (error) give_up(files[i], error.message());
        written[i] = target;
    }
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

void check_writable(const std::filesystem::path& path) {
    constexpr std::size_t kBlock = 4096;  // of a disk: a full one has room for names, but not for it
    std::error_code error;
    std::string failure;
    if (std::filesystem::is_directory(path, error)) {
        failure = "it is a folder";
    } else if (std::filesystem::exists(path, error) && ::access(path.c_str(), W_OK) != 0) {
        failure = reason(errno);
    } else if (!is_stream(path)) {
        const std::filesystem::path partial = partial_file(behind_links(path));
        const std::vector<std::uint8_t> block(kBlock);
        failure = write_bytes(partial, std::array{std::span(block)});
        std::filesystem::remove(partial, error);
    }
    if (!failure.empty()) fail("cannot write \"{}\": {}", path.string(), failure);
}

FileBytes::FileBytes(const std::filesystem::path& path) {
    std::error_code error;
    const std::uintmax_t size =
        std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
    if (size > 0 && !error) {
        if (const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC); file >= 0) {
            void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
            ::close(file);
            if (bytes != MAP_FAILED) {
                is_mapped_ = true;
                span_ = {static_cast<const std::uint8_t*>(bytes), size};
                return;
            }
        }
    }
    owned_ = read_file(path);  // which says what is wrong, if anything is
    span_ = owned_;
}

FileBytes::~FileBytes() {
    if (is_mapped_) ::munmap(const_cast<std::uint8_t*>(span_.data()), span_.size());
}

void FileBytes::release_memory() const {
    if (is_mapped_) ::madvise(const_cast<std::uint8_t*>(span_.data()), span_.size(), MADV_DONTNEED);
}

}  // namespace eigenbit::internal
