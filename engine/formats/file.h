#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// All bytes of a file. Throws Error naming the file when it cannot be read.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path);

/// The bytes of a file: mapped where the system can, so that what is not looked at takes no memory; or of memory, owned
/// or borrowed.
class FileBytes {
  public:
    /// Throws Error naming the file when it cannot be read. A mapped file must not be changed in place, which
    /// write_file never does: it puts a new file under the old name.
    explicit FileBytes(const std::filesystem::path& path);
    explicit FileBytes(std::vector<std::uint8_t> bytes) : owned_(std::move(bytes)), span_(owned_) {}
    /// Bytes that outlive this and stay as they are.
    explicit FileBytes(std::span<const std::uint8_t> borrowed) : span_(borrowed) {}
    FileBytes(const FileBytes&) = delete;
    FileBytes& operator=(const FileBytes&) = delete;
    ~FileBytes();

    std::span<const std::uint8_t> span() const { return span_; }
    /// Gives memory that mapped bytes take back to the system; they are read from the file again when they are needed.
    void release_memory() const;

  private:
    std::vector<std::uint8_t> owned_;
    std::span<const std::uint8_t> span_;
    bool is_mapped_ = false;
};

/// Whether the path is that of a device or a pipe.
bool is_stream(const std::filesystem::path& path);

/// Writes a file that appears whole or not at all: the bytes go to a neighbour that is then renamed to `path`, or to
/// what `path` links to. Devices and pipes are written as they are. Throws Error naming the file when that fails, and
/// leaves nothing behind.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);
/// The same for files that belong together, in this order: none appears before all are written, and where others with
/// their names lie there, the last of those goes first. Throws Error for devices and pipes.
struct NewFile {
    std::filesystem::path path;
    std::vector<std::span<const std::uint8_t>> pieces;  ///< of its bytes, one behind the other
};
void write_files(std::span<const NewFile> files);
void write_text_file(const std::filesystem::path& path, std::string_view text);

/// Throws Error naming the file where write_file could not write it now, were it small. Changes nothing.
void check_writable(const std::filesystem::path& path);

}  // namespace eigenbit::internal
