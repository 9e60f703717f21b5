#include "datasets/data_spec.h"
#include "engine/formats/file.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

bool mentions(const std::string& sentence, std::string_view part) { return sentence.find(part) != std::string::npos; }

/// A folder that serves as cifar10, folder, denoise and superres at once.
class Sample {
  public:
    Sample() {
        std::vector<std::uint8_t> records(3 * 3073, 100);
        for (std::size_t i = 0; i < 3; ++i) records[i * 3073] = static_cast<std::uint8_t>(i);
        write_file(folder_ / "test_batch.bin", records);
        for (int batch = 1; batch <= 5; ++batch) {
            write_file(folder_ / fmt::format("data_batch_{}.bin", batch), std::span(records).first(3073));
        }
        std::filesystem::create_directory(folder_ / "class");
        for (const char* name : {"class/1.png", "image.png"}) {
            write_png(folder_ / name, {60, 50, 3, std::vector<std::uint8_t>(9'000, 100)});
        }
    }

    Dataset open(std::string_view name, std::string_view options,
                 const std::optional<Preprocessing>& of_model = {}) const {
        Model model;
        model.preprocessing = of_model;
        return open_dataset(spec(name, options), DataSplit::test, model);
    }
    std::string complaint(std::string_view name, std::string_view options) const {
        return error_of([&] { open(name, options); });
    }
    std::string spec(std::string_view name, std::string_view options) const {
        return fmt::format("{}:{}{}", name, folder_.path().string(), options);
    }
    std::string path() const { return folder_.path().string(); }

  private:
    TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("a data set without options is the split asked for, with its usual preprocessing") {
    const Sample sample;
    const Dataset test = sample.open("cifar10", "");
    CHECK(test.size == 3);
    CHECK(test.name == sample.spec("cifar10", ""));
    CHECK(
        test.preprocessing
        == Preprocessing{.height = 32, .width = 32, .mean = {0.485F, 0.456F, 0.406F}, .std = {0.229F, 0.224F, 0.225F}});
    CHECK(open_dataset(sample.spec("cifar10", ""), DataSplit::train).size == 5);
    CHECK(sample.open("folder", "").preprocessing.resize == 256);
    CHECK(sample.open("folder", "").preprocessing.width == 224);
    CHECK(sample.open("denoise", "").preprocessing == Preprocessing{.channels = 1});
    CHECK(sample.open("denoise", "").restoration->noise == doctest::Approx(25.0 / 255.0));
}

TEST_CASE("the model's preprocessing wins over the usual one, options over both") {
    const Sample sample;
    const Preprocessing of_model{.channels = 1,
                                 .channel_order = ChannelOrder::bgr,
                                 .resize = 40,
                                 .height = 20,
                                 .width = 24,
                                 .mean = {0.25F},
                                 .std = {0.75F}};
    CHECK(sample.open("folder", "", of_model).preprocessing == of_model);
    Preprocessing expected = of_model;
    expected.mean = {0.5F};
    expected.channel_order = ChannelOrder::rgb;
    expected.height = expected.width = 16;
    CHECK(sample.open("folder", "?mean=0.5&order=rgb&crop=16", of_model).preprocessing == expected);
    CHECK(sample.open("denoise", "", of_model).preprocessing
          == Preprocessing{.channels = 1, .channel_order = ChannelOrder::bgr, .mean = {0.25F}, .std = {0.75F}});
}

TEST_CASE("each option says what it says") {
    const Sample sample;
    CHECK(sample.open("cifar10", "?split=train").size == 5);
    const Dataset limited = sample.open("cifar10", "?limit=2");
    CHECK(limited.size == 2);
    CHECK(limited.labels == std::vector{0, 1});
    CHECK(sample.open("cifar10", "?limit=100").size == 3);
    const Preprocessing raw = sample.open("cifar10", "?mean=0&std=1/255&channels=3").preprocessing;
    CHECK(raw.mean == std::vector{0.0F});
    CHECK(raw.std == std::vector{1.0F / 255.0F});
    CHECK(sample.open("cifar10", "?mean=0.5,1/4,-1e-1").preprocessing.mean == std::vector{0.5F, 0.25F, -0.1F});
    const Preprocessing sized = sample.open("cifar10", "?size=48&resize=64").preprocessing;
    CHECK(sized.resize == 64);
    CHECK(sized.height == 48);
    CHECK(sized.width == 48);
    const Preprocessing oblong = sample.open("folder", "?size=24x32").preprocessing;
    CHECK(oblong.height == 24);
    CHECK(oblong.width == 32);
    CHECK(oblong.resize == 0);
    CHECK(oblong.fit == Fit::cover);
    CHECK(sample.open("folder", "?size=24x32&fit=stretch").preprocessing.fit == Fit::stretch);
    CHECK(sample.open("folder", "?fit=letterbox").preprocessing.fit == Fit::letterbox);
    CHECK(sample.open("folder", "?fit=letterbox").preprocessing.height == 224);
    CHECK(sample.open("folder", "?fit=letterbox").preprocessing.resize == 0);
    CHECK(sample.open("folder", "?size=24x32&resize=40").preprocessing.resize == 40);
    CHECK(sample.open("folder", "?resize=40&crop=24x32").preprocessing.width == 32);
    const Preprocessing stretched{.height = 24, .width = 24, .fit = Fit::stretch};
    CHECK(sample.open("folder", "?size=30x20", stretched).preprocessing.fit == Fit::stretch);
    CHECK(sample.open("folder", "?fit=crop", stretched).preprocessing.resize == 24);
    const Preprocessing imagenet = sample.open("cifar10", "?preset=imagenet&std=0.5", stretched).preprocessing;
    CHECK(
        imagenet
        == Preprocessing{.resize = 256, .height = 224, .width = 224, .mean = {0.485F, 0.456F, 0.406F}, .std = {0.5F}});
    const Dataset denoising = sample.open("denoise", "?sigma=15&seed=9&crop=40&crops=128&channels=3");
    CHECK(denoising.restoration->noise == 15.0F / 255.0F);
    CHECK(denoising.restoration->noise_seed == 9);
    CHECK(denoising.augmentation.crop == 40);
    CHECK(denoising.augmentation.crops_per_image == 128);
    CHECK(denoising.preprocessing.channels == 3);
    const std::string pair = fmt::format("superres:{0},{0}?crop=8", sample.path());
    CHECK(open_dataset(pair, DataSplit::test).restoration->scale == 1);
    CHECK(open_dataset(pair, DataSplit::test).augmentation.crop == 8);
}

TEST_CASE("an unknown data set or option is answered with those there are") {
    const Sample sample;
    CHECK(mentions(error_of([] { open_dataset("imagenet:x", DataSplit::test); }),
                   "data \"imagenet:x\": there is no data set \"imagenet\", one of fashion, mnist:DIR"));
    CHECK(
        mentions(error_of([] { open_dataset("cifar10", DataSplit::test); }), "the folder is missing, cifar10:DIR was"));
    CHECK(mentions(error_of([] { open_dataset("superres:a?limit=1", DataSplit::test); }), "superres:HIGH_DIR,LOW_DIR"));
    CHECK(mentions(
        sample.complaint("cifar10", "?sigma=3"),
        "?sigma=3\": there is no option \"sigma\", one of split, limit, preset, size, fit, resize, crop, mean, "
        "std, channels, order was expected"));
    CHECK(mentions(sample.complaint("denoise", "?size=3"), "one of sigma, seed,"));
    CHECK(mentions(sample.complaint("cifar10", "?limit"), "the option \"limit\" has no value"));
    CHECK(mentions(sample.complaint("cifar10", "?limit=1&limit=2"), "limit is given twice"));
}

TEST_CASE("means and deviations of 0 to 255 are refused with the right ones") {
    const Sample sample;
    CHECK(mentions(sample.complaint("folder", "?mean=127&std=128"), "they are mean=0.498&std=0.502"));
    CHECK(mentions(sample.complaint("folder", "?mean=123.675,116.28,103.53&std=58.395,57.12,57.375"),
                   "they are mean=0.485,0.456,0.406&std=0.229,0.224,0.225"));
    CHECK(mentions(sample.complaint("folder", "?mean=0&std=255"), "they are mean=0&std=1"));
    CHECK(mentions(sample.complaint("folder", "?mean=127&std=1"), "they are mean=0.498&std=0.00392"));
    CHECK(mentions(sample.complaint("folder", "?mean=0.5&std=128"), "they are mean=0.5&std=0.502"));
    CHECK(sample.complaint("folder", "?mean=1&std=2").empty());
}

TEST_CASE("a network that takes one size alone decides where nothing else does") {
    const Sample sample;
    Model model;
    const auto of_network = [&](const Shape& input, std::string_view options, std::string_view name = "folder") {
        model.graph = {};
        model.graph.add_output(model.graph.add_node("flat", Reshape{{0, -1}}, {model.graph.add_input("x", input)}));
        return open_images(sample.spec(name, options), DataSplit::test, model).preprocessing;
    };
    const auto complaint = [&](const Shape& input, std::string_view options) {
        return error_of([&] { of_network(input, options); });
    };
    CHECK(of_network({0, 224, 224, 3}, "") == sample.open("folder", "").preprocessing);
    CHECK(of_network({0, 0, 0, 3}, "") == sample.open("folder", "").preprocessing);
    CHECK(of_network({0, 40, 40, 3}, "").resize == 40);
    CHECK(of_network({0, 40, 40, 3}, "").width == 40);
    CHECK(of_network({0, 24, 40, 3}, "").fit == Fit::cover);
    CHECK(of_network({0, 24, 40, 3}, "?fit=stretch").fit == Fit::stretch);
    CHECK(of_network({0, 24, 40, 3}, "?fit=stretch").height == 24);
    CHECK(of_network({0, 48, 48, 3}, "", "cifar10").width == 48);
    CHECK(of_network({0, 48, 48, 3}, "", "denoise").height == 0);
    CHECK(mentions(complaint({0, 24, 40, 3}, "?size=24"),
                   "the images have 24x24 pixels of 3 channels, the network takes 24x40 of 3: give size=24x40"));
    CHECK(mentions(complaint({0, 0, 0, 1}, ""), "takes 224x224 of 1: give channels=1, with mean and std of these"));
    model.preprocessing = Preprocessing{.height = 30, .width = 30};
    CHECK(mentions(complaint({0, 32, 32, 1}, ""), "give size=32x32 and channels=1"));
    CHECK(of_network({0, 30, 30, 3}, "") == *model.preprocessing);
}

TEST_CASE("a value that cannot be is refused with what was expected") {
    const Sample sample;
    for (const char* value : {"0", "-1", "1.5", "", "x", "99999999999", "1 "}) {
        CHECK(mentions(sample.complaint("cifar10", fmt::format("?limit={}", value)),
                       fmt::format("limit is \"{}\"", value)));
    }
    for (const char* value : {"nan", "inf", "1/0", "0/0", "1//2", "", "0.1,,0.2", "1e99"}) {
        CHECK(mentions(sample.complaint("cifar10", fmt::format("?mean={}", value)),
                       fmt::format("mean is \"{}\"", value)));
    }
    CHECK(mentions(sample.complaint("cifar10", "?std=0"), "std is 0, a number above 0"));
    CHECK(mentions(sample.complaint("cifar10", "?std=-1"), "std is -1, a number above 0"));
    CHECK(mentions(sample.complaint("cifar10", "?mean=1,2"), "mean has 2 values, 1 or 3"));
    CHECK(mentions(sample.complaint("cifar10", "?channels=2"), "channels is 2, 1 or 3"));
    CHECK(mentions(sample.complaint("cifar10", "?resize=100000000"), "resize is 100000000 pixels"));
    for (const char* value : {"0", "0x5", "5x0", "5x", "5x6x7", "x", "-5x5", "5,6"}) {
        CHECK(
            mentions(sample.complaint("folder", fmt::format("?size={}", value)), fmt::format("size is \"{}\"", value)));
    }
    CHECK(
        mentions(sample.complaint("folder", "?fit=wide"), "fit is \"wide\", crop, stretch or letterbox was expected"));
    CHECK(mentions(sample.complaint("cifar10", "?fit=stretch"), "fit=stretch needs a size, size=HxW"));
    CHECK(mentions(sample.complaint("folder", "?fit=stretch&resize=30"), "go with fit=crop, not with fit=stretch"));
    CHECK(mentions(sample.complaint("folder", "?preset=cifar"), "preset is \"cifar\", imagenet was expected"));
    CHECK(mentions(sample.complaint("cifar10", "?split=all"), "split is \"all\", train or test"));
    CHECK(mentions(sample.complaint("cifar10", "?order=rbg"), "order is \"rbg\", rgb or bgr"));
    CHECK(mentions(sample.complaint("denoise", "?sigma=-1"), "sigma is \"-1\", one number, at least 0"));
    CHECK(mentions(sample.complaint("denoise", "?sigma=1,2"), "sigma is \"1,2\", one number"));
    CHECK(mentions(sample.complaint("denoise", "?seed=-1"), "seed is \"-1\""));
    CHECK(mentions(sample.complaint("denoise", "?crop=0"), "crop is \"0\""));
}
