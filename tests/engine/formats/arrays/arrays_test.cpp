#include "engine/base/random.h"
#include "engine/formats/arrays/arrays.h"
#include "engine/formats/arrays/npy.h"
#include "engine/formats/arrays/npz.h"
#include "engine/formats/arrays/safetensors.h"
#include "engine/formats/file.h"
#include "tests/engine/operator_run.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>

using namespace eigenbit::internal;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<NamedArray> some_arrays() {
    std::vector<NamedArray> arrays{{"layer.weight", random_tensor({3, 2, 5, 4}, 1)}, {"scalar", Tensor(Shape{})}};
    arrays.push_back({"empty", Tensor(Shape{0, 3})});
    arrays.push_back({"Ünïcode \"x\"", random_tensor({7}, 2)});
    return arrays;
}

const Tensor* find(const std::vector<NamedArray>& arrays, std::string_view name) {
    const auto found = std::ranges::find(arrays, name, &NamedArray::name);
    return found == arrays.end() ? nullptr : &found->values;
}

/// A .npy file with this header and data.
Bytes npy(const std::string& header, const Bytes& data, int version = 1) {
    Bytes bytes{
        0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0, static_cast<std::uint8_t>(header.size())};
    bytes.resize(version == 1 ? 10 : 12);
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), data.begin(), data.end());
    return bytes;
}

std::string header_of(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
    return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

}  // namespace

TEST_CASE("arrays come back from .npz and .safetensors as they were, under their names") {
    const TemporaryFolder folder;
    for (const char* file : {"arrays.npz", "arrays.safetensors"}) {
        CAPTURE(file);
        const std::vector<NamedArray> arrays = some_arrays();
        write_arrays(folder / file, arrays);
        const std::vector<NamedArray> again = read_arrays(folder / file);
        REQUIRE(again.size() == arrays.size());
        for (const NamedArray& array : arrays) {
            const Tensor* const values = find(again, array.name);
            REQUIRE(values != nullptr);
            CHECK(same_bits(*values, array.values));
        }
    }
    CHECK(error_of([&] { write_arrays(folder / "arrays.txt", {}); }).find("expected .npz or .safetensors")
          != std::string::npos);
    CHECK(error_of([&] { read_arrays(folder / "missing.npz"); }).find("missing.npz") != std::string::npos);
}

TEST_CASE("NumPy arrays are read in all number types, versions and both orders") {
    const auto read = [](const Bytes& bytes) {
        const Tensor values = decode_npy(bytes, "x");
        return std::vector<float>(values.values().begin(), values.values().end());
    };
    using Values = std::vector<float>;
    CHECK(read(npy(header_of("<f4", "(2,)"), {0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0})) == Values{1, -2});
    CHECK(read(npy(header_of("<f2", "(2,)"), {0, 0x3C, 0, 0xC0}, 2)) == Values{1, -2});
    CHECK(read(npy(header_of("<f8", "()"), {0, 0, 0, 0, 0, 0, 0xF0, 0x3F}, 3)) == Values{1});
    CHECK(read(npy(header_of("|i1", "(1, 2)"), {1, 0xFE})) == Values{1, -2});
    CHECK(read(npy(header_of("<i2", "(1,)"), {0xFE, 0xFF})) == Values{-2});
    CHECK(read(npy(header_of("<u2", "(1,)"), {0xFE, 0xFF})) == Values{65534});
    CHECK(read(npy(header_of("<i4", "(1,)"), {0xFE, 0xFF, 0xFF, 0xFF})) == Values{-2});
    CHECK(read(npy(header_of("<i8", "(1,)"), {3, 0, 0, 0, 0, 0, 0, 0})) == Values{3});
    CHECK(read(npy(header_of("|b1", "(2,)"), {1, 0})) == Values{1, 0});
    CHECK(read(npy(header_of("|u1", "(2, 3)", "True"), {1, 2, 3, 4, 5, 6})) == Values{1, 3, 5, 2, 4, 6});
    for (const Bytes& bytes :
         {npy(header_of(">f4", "(1,)"), {0, 0, 0, 0}), npy(header_of("<U4", "(1,)"), {0, 0, 0, 0}),
          npy(header_of("<f4", "(2,)"), {0, 0, 0, 0}), npy(header_of("<f4", "(1,)"), {0, 0, 0, 0, 0}),
          npy(header_of("<f4", "(-1,)"), {}), npy(header_of("<f4", "(4611686018427387904, 4)"), {}), npy("{}", {}),
          npy(header_of("<f4", "(1,)"), {}, 9), Bytes(64, 0)}) {
        CHECK_THROWS_AS(decode_npy(bytes, "x"), Error);
    }
}

TEST_CASE("safetensors are read in half precisions, and their metadata passed over") {
    const std::string header =
        R"({"__metadata__":{"format":"pt"},"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
        R"("b":{"dtype":"BF16","shape":[1,1],"data_offsets":[2,4]}})";
    Bytes bytes(8);
    bytes[0] = static_cast<std::uint8_t>(header.size());
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), {0, 0x3C, 0x80, 0x3F});
    const std::vector<NamedArray> arrays = decode_safetensors(bytes);
    REQUIRE(arrays.size() == 2);
    CHECK((*find(arrays, "h"))[0] == 1.0F);
    CHECK((*find(arrays, "b"))[0] == 1.0F);
    CHECK(find(arrays, "b")->shape() == Shape{1, 1});
}

TEST_CASE("files of arrays that were cut or changed are refused, or read, but never further than they go") {
    Random random({7});
    const auto check = [&](const Bytes& whole, auto decode) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            CAPTURE(length);
            CHECK_THROWS_AS(decode(std::span(whole).first(length)), Error);
        }
        for (int trial = 0; trial < 2000; ++trial) {
            Bytes changed = whole;
            for (int i = 0; i < 3; ++i) {
                changed[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(changed.size())))] =
                    static_cast<std::uint8_t>(random.below(256));
            }
            try {
                decode(changed);
            } catch (const Error&) {
            }
        }
    };
    const std::vector<NamedArray> arrays{{"a", random_tensor({3, 2}, 1)}, {"b", random_tensor({5}, 2)}};
    check(encode_npz(arrays), [](std::span<const std::uint8_t> bytes) { return decode_npz(bytes); });
    check(encode_safetensors(arrays), [](std::span<const std::uint8_t> bytes) { return decode_safetensors(bytes); });
}
