#include "engine/formats/arrays/arrays.h"

#include "engine/base/error.h"
#include "engine/formats/arrays/npz.h"
#include "engine/formats/arrays/safetensors.h"
#include "engine/formats/file.h"

namespace eigenbit::internal {
namespace {

void check_extension(const std::filesystem::path& path) {
    if (!is_array_file(path)) fail("{} is no file of arrays: expected .npz or .safetensors", path.string());
}

bool is_npz(const std::filesystem::path& path) { return path.extension() == ".npz"; }

}  // namespace

bool is_array_file(const std::filesystem::path& path) { return is_npz(path) || path.extension() == ".safetensors"; }

std::vector<NamedArray> read_arrays(const std::filesystem::path& path) {
    check_extension(path);
    const FileBytes bytes(path);
    try {
        return is_npz(path) ? decode_npz(bytes.span()) : decode_safetensors(bytes.span());
    } catch (const Error& error) {
        fail("cannot read {}: {}", path.string(), error.what());
    }
}

void write_arrays(const std::filesystem::path& path, const std::vector<NamedArray>& arrays) {
    check_extension(path);
    write_file(path, is_npz(path) ? encode_npz(arrays) : encode_safetensors(arrays));
}

}  // namespace eigenbit::internal
