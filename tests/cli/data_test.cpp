#include "engine/formats/ebit/ebit.h"
#include "engine/formats/image.h"
#include "tests/cli/command.h"
#include "tests/image_bytes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

using namespace eigenbit::internal;

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::array<std::uint8_t, 3>> kColours{
    {"blue", {20, 30, 220}}, {"green", {20, 200, 30}}, {"red", {220, 20, 30}}};

/// Names the colour of an image of 16x16 pixels; it knows blue, green and red, in this order, by name where `named`.
Model colour_model(bool named) {
    Model model;
    Tensor weight(Shape{3, 3});
    for (std::int64_t i = 0; i < 3; ++i) weight[3 * i + 2 - i] = 5.0F;
    const ValueId image = model.graph.add_input("image", Shape{0, 16, 16, 3});
    const ValueId mean = model.graph.add_node("mean", Reduce{.axes = {1, 2}}, {image});
    const ValueId flat = model.graph.add_node("flat", Reshape{{0, -1}}, {mean});
    const ValueId fc = model.graph.add_parameter("fc", weight);
    model.graph.add_output(model.graph.add_node("scores", Gemm{}, {flat, fc}));
    model.preprocessing = Preprocessing{.height = 16, .width = 16};
    if (named) model.classes = {"blue", "green", "red"};
    return model;
}

void write_colour(const fs::path& path, const std::string& colour, int side = 16) {
    fs::create_directories(path.parent_path());
    Image image{side, side, 3, {}};
    const std::array<std::uint8_t, 3> rgb = kColours.at(colour);
    for (int i = 0; i < side * side; ++i) image.pixels.insert(image.pixels.end(), rgb.begin(), rgb.end());
    write_png(path, image);
}

/// Folders of one image each, called as given, of the colour given.
void write_classes(const TemporaryFolder& folder, const std::string& name,
                   const std::map<std::string, std::string>& colour_of_class, int images = 1) {
    for (const auto& [class_name, colour] : colour_of_class) {
        for (int i = 0; i < images; ++i) {
            write_colour(folder / name / class_name / (std::to_string(i) + ".png"), colour);
        }
    }
}

/// Top-1 in percent of net.ebit on a data set; a failure of the check where there is none.
double top1(const TemporaryFolder& folder, const std::string& data, const std::string& network = "net.ebit") {
    const Outcome run = run_command(folder, "eval " + network + " --data '" + data + "' --json eval.json");
    CAPTURE(run.errors);
    REQUIRE(run.exit_code == 0);
    return json_of(folder / "eval.json")["top1"];
}

std::string refusal(const TemporaryFolder& folder, const std::string& arguments) {
    const Outcome run = run_command(folder, arguments);
    CHECK(run.exit_code == 1);
    return run.errors;
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("folders are classes by the names that the network knows") {
    const TemporaryFolder folder;
    write_ebit(colour_model(true), folder / "net.ebit", LevelStorage::entropy);
    write_classes(folder, "all", {{"blue", "blue"}, {"green", "green"}, {"red", "red"}});
    write_classes(folder, "missing", {{"green", "green"}, {"red", "red"}});
    write_classes(folder, "capitals", {{"Blue", "blue"}, {"GREEN", "green"}, {"red", "red"}});
    write_classes(folder, "unknown", {{"apple", "red"}, {"green", "green"}});
    write_classes(folder, "listed", {{".", "red"}});
    folder.write("listed/labels.csv", "0.png,red\n");
    for (const char* data : {"all", "missing", "capitals", "listed"}) {
        CAPTURE(data);
        CHECK(top1(folder, std::string("folder:") + data) == 100.0);
    }
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:unknown"),
                   "the network does not know the class apple; it knows blue, green, red"));
    CHECK(mentions(refusal(folder, "compress net.ebit --data folder:all --val folder:unknown --rate 8 --out x.ebit"),
                   "does not know the class apple"));
    write_classes(folder, "twice", {{"Red", "red"}, {"RED", "red"}});
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:twice"), "RED and Red are both the network's red"));
    folder.write("listed/labels.csv", "0.png,3\n");
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:listed"), "has 4 classes, but the network knows 3"));
}

TEST_CASE("a network without names is told apart from data with fewer classes by a warning, with more by a refusal") {
    const TemporaryFolder folder;
    write_ebit(colour_model(false), folder / "net.ebit", LevelStorage::entropy);
    write_classes(folder, "all", {{"blue", "blue"}, {"green", "green"}, {"red", "red"}});
    write_classes(folder, "missing", {{"green", "green"}, {"red", "red"}});
    write_classes(folder, "more", {{"a", "blue"}, {"b", "green"}, {"c", "red"}, {"d", "red"}});
    CHECK(run_command(folder, "eval net.ebit --data folder:all --quiet").errors.empty());
    const std::string warning = run_command(folder, "eval net.ebit --data folder:missing --quiet").errors;
    CHECK(mentions(warning,
                   "eigenbit: warning: data \"folder:missing\" has 2 classes, the network 3 scores without names"));
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:more"), "has 4 classes, but the network knows 3"));

    // Names come from data with as many classes as there are scores, and only from such.
    REQUIRE(run_command(folder, "pack net.ebit --data folder:missing --out two.ebit").exit_code == 0);
    CHECK(read_ebit(folder / "two.ebit").model.classes.empty());
    REQUIRE(run_command(folder, "pack net.ebit --data folder:all --out three.ebit").exit_code == 0);
    CHECK(top1(folder, "folder:missing", "three.ebit") == 100.0);
}

TEST_CASE(
    "training validates by the names of its training data and writes them, retraining and compression go by them") {
    const TemporaryFolder folder;
    write_classes(folder, "train", {{"blue", "blue"}, {"green", "green"}, {"red", "red"}}, 4);
    write_classes(folder, "val", {{"RED", "red"}, {"green", "green"}}, 2);
    write_classes(folder, "other", {{"apple", "red"}, {"green", "green"}}, 2);
    const std::string size = "'folder:train?size=16'";
    const std::string rest = " --epochs 12 --batch 6 --lr 0.05 --quiet --json train.json";
    const std::string training = "train --model resnet8 --data " + size + rest + " --out net.onnx --val folder:";
    const Outcome trained = run_command(folder, training + "val");
    CAPTURE(trained.errors);
    REQUIRE(trained.exit_code == 0);
    CHECK(json_of(folder / "train.json")["top1"] == 100.0);
    CHECK(top1(folder, "folder:val", "net.onnx") == 100.0);
    CHECK(mentions(refusal(folder, training + "other"), "does not know the class apple; it knows blue, green, red"));

    const std::string compression = "compress net.onnx --data folder:train --max-drop 20 --curves second-order --quiet "
                                    "--out net.ebit --val folder:";
    REQUIRE(run_command(folder, compression + "val --json compress.json").exit_code == 0);
    CHECK(json_of(folder / "compress.json")["float"]["top1"] == 100.0);
    CHECK(mentions(refusal(folder, compression + "other"), "does not know the class apple"));

    const std::string retraining =
        "retrain net.ebit --epochs 1 --batch 2 --lr 1e-12 --index-rate 0 --quiet --out better.ebit --json "
        "retrain.json --data folder:";
    const Outcome retrained = run_command(folder, retraining + "val --val folder:val");
    CAPTURE(retrained.errors);
    REQUIRE(retrained.exit_code == 0);
    CHECK(json_of(folder / "retrain.json")["top1"] == json_of(folder / "compress.json")["top1"]);
    CHECK(mentions(refusal(folder, retraining + "other"), "does not know the class apple"));
    Model teacher = colour_model(true);
    std::swap(teacher.classes[0], teacher.classes[1]);
    write_ebit(teacher, folder / "teacher.ebit", LevelStorage::entropy);
    CHECK(mentions(refusal(folder, retraining + "train --teacher teacher.ebit"),
                   "'teacher.ebit' and 'net.ebit' know other classes, or in another order."));
    CHECK(mentions(refusal(folder, retraining + "train --val folder:other"), "does not know the class apple"));
}

TEST_CASE("compression says that the float network does no better than chance, and takes no largest loss from it") {
    const TemporaryFolder folder;
    write_ebit(colour_model(true), folder / "net.ebit", LevelStorage::entropy);
    write_classes(folder, "right", {{"blue", "blue"}, {"green", "green"}, {"red", "red"}}, 4);
    write_classes(folder, "wrong", {{"blue", "green"}, {"green", "red"}, {"red", "blue"}}, 4);
    const std::string compression =
        "compress net.ebit --data folder:right --no-correction --no-feedback --quiet --out small.ebit --val folder:";
    const Outcome warned = run_command(folder, compression + "wrong --lambda 1e-6");
    CHECK(warned.exit_code == 0);
    CHECK(mentions(warned.errors, "eigenbit: warning: The float network's top-1 is 0.0 % on 12 images of 3 classes, no "
                                  "better than chance: are preparation and the order of classes right?"));
    fs::remove(folder / "small.ebit");
    CHECK(mentions(refusal(folder, compression + "wrong --max-drop 1"), "no better than chance"));
    CHECK_FALSE(fs::exists(folder / "small.ebit"));
    CHECK(run_command(folder, compression + "right --lambda 1e-6").errors.empty());
}

TEST_CASE("images without labels are enough to compress, but neither to evaluate, to train nor to learn labels") {
    const TemporaryFolder folder;
    write_ebit(colour_model(true), folder / "net.ebit", LevelStorage::entropy);
    for (const auto& [colour, rgb] : kColours) write_colour(folder / "photos" / (colour + ".png"), colour);
    write_classes(folder, "labelled", {{"blue", "blue"}, {"green", "green"}, {"red", "red"}});
    const std::string data = " --data 'folder:photos?size=16' ";
    REQUIRE(run_command(folder, "compress net.ebit --lambda 1e-6 --activation-bits 8 --out small.ebit" + data).exit_code
            == 0);
    CHECK(top1(folder, "folder:labelled", "small.ebit") == 100.0);
    REQUIRE(run_command(folder, "retrain small.ebit --teacher net.ebit --epochs 1 --batch 2 --out taught.ebit" + data)
                .exit_code
            == 0);
    for (const char* arguments :
         {"eval net.ebit", "train --model resnet20 --epochs 1 --batch 2 --out trained.onnx",
          "retrain small.ebit --epochs 1 --batch 2 --out trained.ebit",
          "compress net.ebit --lambda 1e-6 --val 'folder:photos?size=16' --out trained.ebit",
          "retrain small.ebit --teacher net.ebit --label-share 0.5 --epochs 1 --batch 2 --out trained.ebit"}) {
        CAPTURE(arguments);
        CHECK(mentions(refusal(folder, arguments + data), "photos?size=16\" does not say what its images show"));
    }
    CHECK_FALSE(fs::exists(folder / "trained.ebit"));
}

TEST_CASE("labels.csv with spaces counts classes by number; numbers and names are not mixed") {
    const TemporaryFolder folder;
    Model model = colour_model(false);
    write_ebit(model, folder / "net.ebit", LevelStorage::entropy);
    for (const auto& [colour, rgb] : kColours) write_colour(folder / "listed" / (colour + ".png"), colour);
    folder.write("listed/labels.csv", "\xEF\xBB\xBF"
                                      "file, class\n\"red.png\", 2\nblue.png , 0\r\ngreen.png,\t1\n");
    CHECK(top1(folder, "folder:listed") == 100.0);
    folder.write("listed/labels.csv", "red.png, 2\nblue.png, \n");
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:listed"), "line 2: \"blue.png\" has no class"));
    folder.write("listed/labels.csv", "red.png, 2\nblue.png, blue\n");
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:listed"), "all numbers or all names were expected"));
}

TEST_CASE("images are read upright, as Exif data say") {
    const TemporaryFolder folder;
    // It names the colour of the upper left quarter.
    Model model;
    Tensor weight(Shape{3, 12});
    for (std::int64_t i = 0; i < 3; ++i) weight[12 * i + 2 - i] = 5.0F;
    const ValueId image = model.graph.add_input("image", Shape{0, 2, 2, 3});
    const ValueId flat = model.graph.add_node("flat", Reshape{{0, -1}}, {image});
    const ValueId fc = model.graph.add_parameter("fc", weight);
    model.graph.add_output(model.graph.add_node("scores", Gemm{}, {flat, fc}));
    model.preprocessing = Preprocessing{.height = 2, .width = 2, .fit = Fit::stretch};
    model.classes = {"blue", "green", "red"};
    write_ebit(model, folder / "net.ebit", LevelStorage::entropy);

    // Quarters are red, green / blue, green.
    Image quarters{16, 16, 3, {}};
    for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 16; ++x) {
            const auto& rgb = kColours.at(x >= 8 ? "green" : y >= 8 ? "blue" : "red");
            quarters.pixels.insert(quarters.pixels.end(), rgb.begin(), rgb.end());
        }
    }
    const std::array<std::string, 8> upper_left{"red", "green", "green", "blue", "red", "blue", "green", "green"};
    for (int orientation = 1; orientation <= 8; ++orientation) {
        const fs::path place = folder / "turned" / upper_left[static_cast<std::size_t>(orientation - 1)];
        fs::create_directories(place);
        const Bytes exif = exif_bytes(orientation, orientation % 2 == 0);
        write_file(place / fmt::format("{}.jpg", orientation), with_exif(jpeg_bytes(quarters), exif));
        write_file(place / fmt::format("{}.png", orientation), with_exif(png_bytes(quarters), exif));
    }
    CHECK(top1(folder, "folder:turned") == 100.0);
    REQUIRE(run_command(folder, "eval net.ebit --data folder:turned --json eval.json").exit_code == 0);
    CHECK(json_of(folder / "eval.json")["images"] == 16);
    const Outcome run = run_command(folder, "run net.ebit turned/blue/6.jpg --top 1");
    CHECK(mentions(run.output, "blue"));
}

TEST_CASE("images are read over white and as far as they go, with a warning; those that are not read are named") {
    const TemporaryFolder folder;
    write_ebit(colour_model(true), folder / "net.ebit", LevelStorage::entropy);
    const auto solid = [&](const std::string& colour) {
        Image image{16, 16, 3, {}};
        const auto& rgb = kColours.at(colour);
        for (int i = 0; i < 256; ++i) image.pixels.insert(image.pixels.end(), rgb.begin(), rgb.end());
        return image;
    };
    const auto write = [&](const std::string& name, Bytes bytes, std::size_t missing = 0) {
        fs::create_directories((folder / name).parent_path());
        bytes.resize(bytes.size() - missing);
        write_file(folder / name, bytes);
    };
    write("cut/red/1.jpg", jpeg_bytes(solid("red")), 2);
    write("cut/red/2.png", png_bytes(solid("red")), 12);
    write("cut/blue/3.jpg", jpeg_bytes(solid("blue")));
    for (const char* command :
         {"eval net.ebit --data folder:cut --quiet",
          "compress net.ebit --data folder:cut --lambda 1e-6 --no-correction --no-feedback --out small.ebit --quiet",
          "train --model resnet8 --data 'folder:cut?size=16' --batch 1 --epochs 2 --out n.onnx --quiet"}) {
        const Outcome read = run_command(folder, command);
        CAPTURE(command);
        CAPTURE(read.errors);
        CHECK(read.exit_code == 0);
        CHECK(mentions(read.errors, "eigenbit: warning: \"cut/red/1.jpg\" ends early: it is read as far as it goes\n"));
        CHECK(mentions(read.errors, "eigenbit: warning: \"cut/red/2.png\" ends early"));
        CHECK(std::ranges::count(read.errors, '\n') == 2);
    }
    CHECK(top1(folder, "folder:cut") == 100.0);

    write("clear/red/a.png", png_bytes({16, 16, 4, Bytes(16 * 16 * 4)}));
    write("clear/red/b.png", png_bytes({16, 16, 4, Bytes(16 * 16 * 4)}));
    const Outcome clear = run_command(folder, "eval net.ebit --data folder:clear --quiet");
    CHECK(clear.exit_code == 0);
    CHECK(mentions(clear.errors, ".png\" has transparent pixels: they are laid over white"));
    CHECK(std::ranges::count(clear.errors, '\n') == 1);

    write("webp/red/photo.jpg", other_image_bytes("WebP"));
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:webp"),
                   "photo.jpg\" is a WebP image; JPEG, PNG and BMP are read: convert it"));
    write("gone/red/photo.png", png_bytes(solid("red")), png_bytes(solid("red")).size() - 30);
    CHECK(mentions(refusal(folder, "eval net.ebit --data folder:gone"), "gone/red/photo.png"));
}

TEST_CASE("images that are not square come to the network's size as asked for, or as its file says") {
    const TemporaryFolder folder;
    Model model = colour_model(true);
    model.preprocessing.reset();
    model.graph = {};
    // It takes 8x24 pixels and names the colour of their left third.
    Tensor weight(Shape{3, 8 * 24 * 3});
    for (std::int64_t pixel = 0; pixel < 8 * 24; ++pixel) {
        for (std::int64_t i = 0; i < 3 && pixel % 24 < 8; ++i) weight[(8 * 24 * i + pixel) * 3 + 2 - i] = 0.1F;
    }
    const ValueId image = model.graph.add_input("image", Shape{0, 8, 24, 3});
    const ValueId flat = model.graph.add_node("flat", Reshape{{0, -1}}, {image});
    const ValueId fc = model.graph.add_parameter("fc", weight);
    model.graph.add_output(model.graph.add_node("scores", Gemm{}, {flat, fc}));
    write_ebit(model, folder / "net.ebit", LevelStorage::entropy);

    // 24x24 pixels: red with a bar of blue at the left, which stays when stretched, and with bars beside it is not
    // there.
    Image square{24, 24, 3, {}};
    for (int i = 0; i < 24 * 24; ++i) {
        const auto& rgb = kColours.at(i % 24 < 8 ? "blue" : "red");
        square.pixels.insert(square.pixels.end(), rgb.begin(), rgb.end());
    }
    fs::create_directories(folder / "photos/blue");
    write_png(folder / "photos/blue/1.png", square);
    const std::string plain = "mean=0&std=1";
    for (const char* options : {"", "&size=8x24", "&size=8x24&fit=stretch", "&fit=stretch", "&size=8x24&fit=crop"}) {
        CAPTURE(options);
        CHECK(top1(folder, "folder:photos?" + plain + options) == 100.0);
    }
    CHECK(mentions(refusal(folder, "eval net.ebit --data 'folder:photos?size=24'"),
                   "the images have 24x24 pixels of 3 channels, the network takes 8x24 of 3: give size=8x24"));
    REQUIRE(run_command(folder, "pack net.ebit --data 'folder:photos?" + plain + "&fit=letterbox' --out boxed.ebit")
                .exit_code
            == 0);
    CHECK(read_ebit(folder / "boxed.ebit").model.preprocessing->fit == Fit::letterbox);
    CHECK(read_ebit(folder / "boxed.ebit").model.metadata.empty());
    const Outcome inspected = run_command(folder, "inspect boxed.ebit");
    CHECK(mentions(inspected.output, "put into 8x24 with bars of the mean colour"));
    CHECK(top1(folder, "folder:photos", "boxed.ebit") == 100.0);  // of three equal scores, blue is the first
    CHECK(mentions(run_command(folder, "run boxed.ebit photos/blue/1.png --top 3").output, "33.33 %"));
}

TEST_CASE("ImageNet's preparation has a name, and means of 0 to 255 are refused") {
    const TemporaryFolder folder;
    write_ebit(colour_model(true), folder / "net.ebit", LevelStorage::entropy);
    write_classes(folder, "photos", {{"blue", "blue"}, {"green", "green"}, {"red", "red"}});
    CHECK(mentions(refusal(folder, "eval net.ebit --data 'folder:photos?mean=127&std=128'"),
                   "of these they are mean=0.498&std=0.502"));
    CHECK(mentions(refusal(folder, "eval net.ebit --data 'folder:photos?preset=imagenet'"),
                   "the images have 224x224 pixels of 3 channels, the network takes 16x16 of 3: give size=16x16"));
    CHECK(top1(folder, "folder:photos?preset=imagenet&size=16") == 100.0);
    CHECK(mentions(run_command(folder, "eval --help").output, "folder:imagenet/val?preset=imagenet"));
}
