#include "datasets/classes.h"
#include "datasets/data_spec.h"
#include "engine/formats/file.h"
#include "engine/formats/preprocess.h"
#include "tests/error_of.h"
#include "tests/image_bytes.h"
#include "tests/temporary_folder.h"
#include "tests/warnings.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>

// Every row of the tables in docs/data.md is a case made here.

using namespace eigenbit::internal;

namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

bool mentions(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// A place for the case of one row.
class Place {
  public:
    void write(const std::string& name, const Bytes& bytes) const {
        fs::create_directories((folder_ / name).parent_path());
        write_file(folder_ / name, bytes);
    }
    void text(const std::string& name, const std::string& text) const { write(name, Bytes(text.begin(), text.end())); }
    /// 4x6 pixels of this grey.
    void image(const std::string& name, int grey = 7) const {
        write(name, png_bytes({4, 6, 1, Bytes(24, static_cast<std::uint8_t>(grey))}));
    }
    void folder(const std::string& name) const { fs::create_directories(folder_ / name); }

    std::string spec(const std::string& options) const { return "folder:" + folder_.path().string() + options; }
    Dataset open(const std::string& options = "", DataSplit split = DataSplit::train) const {
        return open_dataset(spec(options), split);
    }
    std::string refusal(const std::string& options = "", DataSplit split = DataSplit::train) const {
        return error_of([&] {
            const Dataset dataset = open(options, split);
            Example example;
            for (std::int64_t i = 0; i < dataset.size; ++i) dataset.read(i, example);
        });
    }
    /// What a network sees of the only image.
    Tensor seen(const std::string& options) const {
        const Dataset dataset = open(options);
        Example example;
        dataset.read(0, example);
        const Preprocessing& preprocessing = dataset.preprocessing;
        const Window window = centre_window(example.image, preprocessing.height, preprocessing.width, "image");
        Tensor values(Shape{window.height, window.width, preprocessing.channels});
        Normalizer(preprocessing).write(example.image, window, values.data());
        return values;
    }
    std::string warnings() { return warnings_.take(); }

  private:
    TemporaryFolder folder_;
    Warnings warnings_;
};

/// Labels of a cat and a dog as a network counts them that knows these names.
std::vector<int> matched(const Names& classes, const Names& known, std::int64_t scores) {
    Dataset dataset;
    dataset.name = "data";
    dataset.classes = classes;
    dataset.class_count = static_cast<int>(classes.size());
    for (int label = 0; label < dataset.class_count; ++label) dataset.labels.push_back(label);
    match_classes(dataset, known, scores);
    return dataset.labels;
}

Image ramp(int height, int width) {
    Image image{height, width, 1, {}};
    for (int i = 0; i < height * width; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i % width * 20));
    return image;
}

constexpr const char* kRaw = "&mean=0&std=1/255&channels=1";

const std::map<std::string, std::function<void()>> kCases{
    {"a folder for each class",
     [] {
         const Place place;
         place.image("dog/1.png");
         place.image("cat/1.png");
         place.image("cat/deeper/2.png");
         CHECK(place.open().classes == Names{"cat", "dog"});
         CHECK(place.open().labels == std::vector{0, 1, 0});
     }},
    {"an empty class folder",
     [] {
         Place place;
         place.folder("cat");
         place.image("dog/1.png");
         CHECK(place.open().class_count == 2);
         CHECK(mentions(place.warnings(), "has no images; it is a class all the same"));
     }},
    {"`train` and `val`",
     [] {
         for (const char* train : {"train", "Training"}) {
             for (const char* test : {"val", "valid", "Validation", "TEST", "testing"}) {
                 const Place place;
                 place.image(fmt::format("{}/cat/1.png", train));
                 place.image(fmt::format("{}/dog/1.png", train));
                 place.image(fmt::format("{}/cat/1.png", test));
                 CHECK(place.open().size == 2);
                 CHECK(place.open("", DataSplit::test).size == 1);
             }
         }
     }},
    {"`train` alone, and a test split is asked for",
     [] {
         const Place place;
         place.image("train/cat/1.png");
         CHECK(place.refusal().empty());
         CHECK(mentions(place.refusal("", DataSplit::test), "no folder val, valid, validation, test, testing"));
     }},
    {"a folder in a folder",
     [] {
         const Place place;
         place.image("photos/cat/1.png");
         place.image("photos/dog/1.png");
         CHECK(place.open().classes == Names{"cat", "dog"});
     }},
    {"`__MACOSX`, `@eaDir`, hidden files and folders",
     [] {
         const Place place;
         place.image("cat/1.png");
         place.image("cat/._1.png");
         for (const char* folder : {"__MACOSX", "@eaDir", ".hidden"}) place.image(std::string(folder) + "/1.png");
         CHECK(place.open().classes == Names{"cat"});
         CHECK(place.open().size == 1);
     }},
    {"`labels.csv`",
     [] {
         const Place place;
         place.image("a, b.png");
         place.text("labels.csv", "\xEF\xBB\xBF"
                                  "file , class\r\n \"a, b.png\" , \"cat\" \r\na, b.png,cat\n");
         CHECK(place.open().classes == Names{"cat"});
         CHECK(place.open().size == 2);
     }},
    {"numbers in `labels.csv`",
     [] {
         const Place place;
         place.image("a.png");
         place.text("labels.csv", "a.png, 10\na.png, 2\n");
         CHECK(place.open().labels == std::vector{10, 2});
         CHECK(place.open().class_count == 11);
     }},
    {"names in `labels.csv`",
     [] {
         const Place place;
         place.image("a.png");
         place.text("labels.csv", "a.png,dog\na.png,cat\n");
         CHECK(place.open().labels == std::vector{1, 0});
     }},
    {"numbers and names in `labels.csv`",
     [] {
         const Place place;
         place.image("a.png");
         place.text("labels.csv", "a.png,dog\na.png,1\n");
         CHECK(mentions(place.refusal(), "line 2 has the number 1 for a class, line 1 the name dog"));
     }},
    {"an empty label",
     [] {
         const Place place;
         place.image("a.png");
         place.text("labels.csv", "a.png,dog\na.png,\n");
         CHECK(mentions(place.refusal(), "line 2: \"a.png\" has no class"));
     }},
    {"`_classes.csv`",
     [] {
         const Place place;
         place.image("a.png");
         place.text("_classes.csv", "filename, cat, dog\na.png, 0, 1\n");
         CHECK(place.open().labels == std::vector{1});
         place.text("_classes.csv", "filename, cat, dog\na.png, 1, 1\n");
         CHECK(mentions(place.refusal(), "shows 2 classes, exactly one was expected"));
     }},
    {"images alone",
     [] {
         const Place place;
         place.image("1.png");
         place.image("2.png");
         CHECK(place.open().size == 2);
         CHECK(place.open().labels.empty());
         CHECK(place.open("?limit=1").size == 1);
         CHECK(mentions(error_of([&] { require_labels(place.open()); }), "does not say what its images show"));
     }},
    {"`images` beside `labels`, annotations of boxes",
     [] {
         const Place place;
         place.image("images/1.png");
         place.text("labels/1.txt", "0 0.5 0.5 0.1 0.1");
         CHECK(mentions(place.refusal(), "has boxes or outlines"));
         const Place coco;
         coco.image("1.png");
         coco.text("_annotations.coco.json", "{}");
         CHECK(mentions(coco.refusal(), "has boxes or outlines"));
     }},

    {"a name that the network knows",
     [] {
         CHECK(matched({"cat", "dog"}, {"dog", "cow", "cat"}, 3) == std::vector{2, 0});
         CHECK(matched({"dog"}, {"cat", "dog"}, 2) == std::vector{1});
     }},
    {"other capitals, `_`, `-` or `/` for spaces",
     [] {
         CHECK(matched({"CAT", "t_shirt-top"}, {"T-shirt/top", "Cat"}, 2) == std::vector{1, 0});
         CHECK(error_of([] { matched({"CAT"}, {"cat", "Cat"}, 2); }).find("any of 2") != std::string::npos);
     }},
    {"a name that the network does not know",
     [] {
         CHECK(mentions(error_of([] {
                            matched({"cow"}, {"cat", "dog"}, 2);
                        }),
                        "does not know the class cow; it knows cat, dog"));
     }},
    {"names, the network none",
     [] {
         Warnings warnings;
         CHECK(matched({"cat", "dog"}, {}, 2) == std::vector{0, 1});
         CHECK(warnings.take().empty());
         CHECK(matched({"cat", "dog"}, {}, 3) == std::vector{0, 1});
         CHECK(mentions(warnings.take(), "has 2 classes, the network 3 scores without names"));
     }},
    {"more classes than the network",
     [] {
         CHECK(mentions(error_of([] { matched({"a", "b", "c"}, {}, 2); }), "has 3 classes, but the network knows 2"));
     }},

    {"JPEG, PNG, BMP",
     [] {
         Place place;
         place.write("a/1.jpg", jpeg_bytes(ramp(8, 8)));
         place.write("a/2.JPEG", jpeg_bytes({8, 8, 3, Bytes(192, 50)}));
         place.write("a/3.png", png_bytes(ramp(8, 8)));
         place.write("a/4.bmp", bmp_bytes({8, 8, 3, Bytes(192, 50)}));
         CHECK(place.open().size == 4);
         CHECK(place.refusal("?size=1").empty());
         CHECK(place.warnings().empty());
     }},
    {"WebP, AVIF, HEIC, TIFF, GIF, JPEG XL, JPEG 2000",
     [] {
         for (const char* kind : {"WebP", "AVIF", "HEIC", "TIFF", "GIF", "JPEG XL", "JPEG 2000"}) {
             const Place place;
             place.write("a/1.jpg", other_image_bytes(kind));
             CHECK(mentions(place.refusal(), fmt::format("{} image; JPEG, PNG and BMP are read: convert it", kind)));
         }
         for (const char* name : {"1.webp", "1.avif", "1.heic", "1.tif", "1.gif", "1.jxl", "1.jp2"}) {
             Place place;
             place.text(fmt::format("a/{}", name), "x");
             CHECK(mentions(place.refusal(), "image; JPEG, PNG and BMP are read: convert it"));
             place.image("a/2.png");
             CHECK(place.open().size == 1);
             CHECK(mentions(place.warnings(), "1 images in"));
         }
     }},
    {"Exif orientation",
     [] {
         for (const bool jpeg : {true, false}) {
             const Place place;
             const Image image = ramp(8, 16);
             place.write(jpeg ? "a/1.jpg" : "a/1.png",
                         with_exif(jpeg ? jpeg_bytes(image) : png_bytes(image), exif_bytes(6, true)));
             Example example;
             place.open("?resize=8&crop=8").read(0, example);
             CHECK(example.image.height == 16);
             CHECK(example.image.width == 8);
         }
     }},
    {"transparent pixels",
     [] {
         Place place;
         place.write("a/1.png", png_bytes({1, 1, 2, {0, 0}}));
         CHECK(place.seen(std::string("?size=1") + kRaw)[0] == doctest::Approx(255.0));
         CHECK(mentions(place.warnings(), "1.png\" has transparent pixels: they are laid over white"));
     }},
    {"a file that ends early",
     [] {
         Place place;
         Bytes bytes = png_bytes({16, 16, 1, Bytes(256, 9)});
         bytes.resize(bytes.size() - 12);
         place.write("a/1.png", bytes);
         CHECK(place.seen(std::string("?size=16") + kRaw)[255] == doctest::Approx(9.0));
         CHECK(mentions(place.warnings(), "1.png\" ends early: it is read as far as it goes"));
         const Bytes jpeg = jpeg_bytes(ramp(64, 12));
         place.write("b/1.jpg", Bytes(jpeg.begin(), jpeg.begin() + std::ssize(jpeg) * 3 / 4));
         fs::remove_all(fs::path(place.spec("").substr(7)) / "a");
         CHECK(place.seen(std::string("?crop=64x12&resize=12") + kRaw)[64 * 12 - 1] == doctest::Approx(128.0));
     }},
    {"a file of which nothing can be decoded",
     [] {
         const Place place;
         place.text("a/1.png", "\x89PNG\r\n\x1A\n and no more");
         CHECK(mentions(place.refusal(), "a/1.png"));
     }},

    {"`preset=imagenet`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes({300, 400, 1, Bytes(120'000, 255)}));
         const Tensor seen = place.seen("?preset=imagenet");
         CHECK(seen.shape() == Shape{224, 224, 3});
         CHECK(seen[0] == doctest::Approx((1.0 - 0.485) / 0.229));
         Example example;
         place.open("?preset=imagenet").read(0, example);
         CHECK(example.image.height == 256);
         CHECK(example.image.width == 341);
     }},
    {"`size=N`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes(ramp(4, 12)));
         const Tensor seen = place.seen(std::string("?size=4") + kRaw);
         CHECK(seen.shape() == Shape{4, 4, 1});
         CHECK(seen[0] == doctest::Approx(80.0));
     }},
    {"`size=HxW`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes(ramp(4, 12)));
         const Tensor seen = place.seen(std::string("?size=2x6") + kRaw);
         CHECK(seen.shape() == Shape{2, 6, 1});
         CHECK(place.seen(std::string("?size=4x6") + kRaw)[0] == doctest::Approx(60.0));
     }},
    {"`fit=stretch`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes(ramp(4, 12)));
         CHECK(place.seen(std::string("?size=8x12&fit=stretch") + kRaw)[12 * 8 - 1] == doctest::Approx(220.0));
     }},
    {"`fit=letterbox`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes(ramp(4, 12)));
         const Tensor seen = place.seen("?size=8x12&fit=letterbox&mean=0.2&std=1/255&channels=1");
         CHECK(seen[0] == doctest::Approx(0.0));
         CHECK(seen[2 * 12 + 11] == doctest::Approx(220.0 - 51.0));
     }},
    {"`resize=N`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes(ramp(4, 12)));
         Example example;
         place.open("?resize=8&crop=8").read(0, example);
         CHECK(example.image.width == 24);
     }},
    {"`crop=N`, `crop=HxW`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes(ramp(4, 12)));
         const Tensor seen = place.seen(std::string("?resize=4&crop=2x9") + kRaw);
         CHECK(seen.shape() == Shape{2, 9, 1});
         CHECK(seen[0] == doctest::Approx(40.0));  // a margin of 3: 2 before, 1 behind
     }},
    {"a size that the network does not take",
     [] {
         const Place place;
         place.image("a/1.png");
         Model model;
         model.graph.add_output(model.graph.add_input("x", Shape{0, 4, 6, 3}));
         CHECK(open_images(place.spec(""), DataSplit::test, model).preprocessing.width == 6);
         CHECK(mentions(error_of([&] { open_images(place.spec("?size=8"), DataSplit::test, model); }),
                        "the images have 8x8 pixels of 3 channels, the network takes 4x6 of 3: give size=4x6"));
     }},

    {"`mean=M`, `std=S`",
     [] {
         const Place place;
         place.image("a/1.png", 51);
         CHECK(place.seen("?size=4&mean=0.1&std=0.5")[0] == doctest::Approx(0.2));
         CHECK(place.seen("?size=4&mean=0,0.1,0.2&std=1")[2] == doctest::Approx(0.0));
     }},
    {"`mean=127&std=128`",
     [] {
         const Place place;
         place.image("a/1.png");
         CHECK(mentions(place.refusal("?mean=127&std=128"), "mean=0.498&std=0.502"));
     }},
    {"`channels=1`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes({1, 1, 3, {255, 0, 0}}));
         CHECK(place.seen(std::string("?size=1") + kRaw)[0] == doctest::Approx(76.0));
     }},
    {"`order=bgr`",
     [] {
         const Place place;
         place.write("a/1.png", png_bytes({1, 1, 3, {255, 0, 51}}));
         CHECK(place.seen("?size=1&order=bgr&mean=0.1,0,0&std=1")[0] == doctest::Approx(0.1));
     }},
};

/// The first cells of all rows of the page's tables, without their heads.
std::vector<std::string> rows_of_page() {
    std::vector<std::string> rows;
    std::ifstream page(std::string(EIGENBIT_SOURCE_ROOT) + "/docs/data.md");
    bool in_table = false;
    for (std::string line; std::getline(page, line);) {
        if (!line.starts_with("|")) in_table = false;
        if (in_table) rows.push_back(line.substr(2, line.find(" |") - 2));
        if (line.starts_with("|---")) in_table = true;
    }
    return rows;
}

}  // namespace

TEST_CASE("every row of docs/data.md is a case, and every case has its row") {
    const std::vector<std::string> rows = rows_of_page();
    CHECK(rows.size() > 20);
    std::set<std::string> walked;
    for (const std::string& row : rows) {
        CAPTURE(row);
        const auto found = kCases.find(row);
        CHECK(found != kCases.end());
        CHECK(walked.insert(row).second);
        if (found != kCases.end()) found->second();
    }
    for (const auto& entry : kCases) {
        CAPTURE(entry.first);
        CHECK(walked.contains(entry.first));
    }
}
