#include "engine/formats/file.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"
#include "train/checkpoint.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace eigenbit::internal;

namespace {

Checkpoint example() {
    return {.settings = "--model lenet5 --seed 3",
            .epochs = 7,
            .best_score = 0.915,
            .best_epoch = 6,
            .parameters = {{"conv.weight", Tensor(Shape{1, 2}, std::array{1.5F, -2.0F})},
                           {"conv.bias", Tensor(Shape{1}, std::array{0.25F})}},
            .optimizer = {{"conv.weight", Tensor(Shape{1, 2}, std::array{3.0F, 4.0F})}},
            .best_parameters = {}};
}

}  // namespace

TEST_CASE("a checkpoint reads back as it was written") {
    const TemporaryFolder folder;
    write_checkpoint(folder / "run.checkpoint", example());
    const Checkpoint read = read_checkpoint(folder / "run.checkpoint");
    CHECK(read.settings == example().settings);
    CHECK(read.epochs == 7);
    CHECK(read.best_score == 0.915);
    CHECK(read.best_epoch == 6);
    REQUIRE(read.parameters.size() == 2);
    CHECK(read.parameters[0].name == "conv.weight");
    CHECK(read.parameters[0].values.shape() == Shape{1, 2});
    CHECK(std::ranges::equal(read.parameters[0].values.values(), std::array{1.5F, -2.0F}));
    CHECK(std::ranges::equal(read.optimizer[0].values.values(), std::array{3.0F, 4.0F}));
    CHECK(read.best_parameters.empty());
}

TEST_CASE("a checkpoint with any byte changed, or cut anywhere, is refused in one sentence with its name") {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "run.checkpoint";
    write_checkpoint(path, example());
    const std::vector<std::uint8_t> whole = read_file(path);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::vector<std::uint8_t> changed = whole;
        changed[i] ^= 0x10;
        write_file(path, changed);
        CHECK(error_of([&] { read_checkpoint(path); }).find(path.string()) != std::string::npos);
        write_file(path, std::span(whole).first(i));
        CHECK(error_of([&] { read_checkpoint(path); }).find(path.string()) != std::string::npos);
    }
}

TEST_CASE("a checkpoint of another network is refused") {
    Tensor conv(Shape{2, 1});
    Tensor bias(Shape{1});
    const std::vector<NamedTensor> saved = example().parameters;
    CHECK(error_of([&] {
              restore_tensors("a.checkpoint", saved, {{"conv.weight", &conv}, {"conv.bias", &bias}});
          })
          == "Checkpoint 'a.checkpoint' holds 'conv.weight' (1, 2) where the network has 'conv.weight' (2, 1).");
    CHECK(error_of([&] {
              restore_tensors("a.checkpoint", saved, {{"conv.bias", &bias}});
          })
          == "Checkpoint 'a.checkpoint' holds 2 tensors, the network has 1.");
}
