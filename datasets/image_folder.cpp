#include "datasets/image_folder.h"

#include "datasets/data_options.h"
#include "datasets/image_files.h"
#include "engine/base/error.h"
#include "engine/formats/preprocess.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

namespace eigenbit::internal {
namespace {

namespace fs = std::filesystem;

struct LabelledFiles {
    std::vector<std::string> files;
    std::vector<int> labels;
    int class_count = 0;
    std::vector<std::string> classes;
};

struct Row {
    int line;
    std::string file;
    std::string label;
};

std::vector<Row> read_rows(const fs::path& csv) {
    std::vector<Row> rows;
    std::ifstream stream(csv);
    int line = 0;
    for (std::string text; std::getline(stream, text);) {
        ++line;
        if (text.ends_with('\r')) text.pop_back();
        if (text.empty()) continue;
        const std::size_t comma = text.rfind(',');
        if (comma == std::string::npos) {
            fail("\"{}\", line {}: \"{}\" was found, file,class was expected", csv.string(), line, text);
        }
        Row row{line, text.substr(0, comma), text.substr(comma + 1)};
        const bool header = line == 1 && !fs::path(row.file).has_extension();
        if (header) continue;
        if (!fs::is_regular_file(csv.parent_path() / row.file)) {
            fail("\"{}\", line {}: there is no file \"{}\" beside it", csv.string(), line, row.file);
        }
        rows.push_back(std::move(row));
    }
    if (rows.empty()) fail("\"{}\" lists no image: lines file,class were expected", csv.string());
    return rows;
}

LabelledFiles listed_files(const fs::path& csv) {
    LabelledFiles listed;
    const std::vector<Row> rows = read_rows(csv);
    const bool named =
        !std::all_of(rows.begin(), rows.end(), [](const Row& row) { return parse<int>(row.label).has_value(); });
    if (named) {
        for (const Row& row : rows) listed.classes.push_back(row.label);
        std::sort(listed.classes.begin(), listed.classes.end());
        listed.classes.erase(std::unique(listed.classes.begin(), listed.classes.end()), listed.classes.end());
    }
    for (const Row& row : rows) {
        const auto place = std::lower_bound(listed.classes.begin(), listed.classes.end(), row.label);
        const int label = named ? static_cast<int>(place - listed.classes.begin()) : *parse<int>(row.label);
        constexpr int kMostClasses = 1'000'000;
        if (label < 0 || label >= kMostClasses) {
            fail("\"{}\", line {}: class {} was found, 0 to {} were expected", csv.string(), row.line, label,
                 kMostClasses - 1);
        }
        listed.files.push_back((csv.parent_path() / row.file).string());
        listed.labels.push_back(label);
        listed.class_count = std::max(listed.class_count, label + 1);
    }
    return listed;
}

LabelledFiles files_by_class(const fs::path& folder) {
    const std::vector<fs::path> class_folders = list_folders(folder);
    if (class_folders.empty()) {
        fail("the folder \"{}\" has neither labels.csv nor a folder for each class", folder.string());
    }
    LabelledFiles found;
    std::vector<std::vector<fs::path>> images;
    std::size_t most = 0;
    for (const fs::path& class_folder : class_folders) {
        found.classes.push_back(class_folder.filename().string());
        images.push_back(list_images(class_folder));
        most = std::max(most, images.back().size());
    }
    found.class_count = static_cast<int>(images.size());
    for (std::size_t turn = 0; turn < most; ++turn) {
        for (int label = 0; label < found.class_count; ++label) {
            const std::vector<fs::path>& of_class = images[static_cast<std::size_t>(label)];
            if (turn >= of_class.size()) continue;
            found.files.push_back(of_class[turn].string());
            found.labels.push_back(label);
        }
    }
    return found;
}

fs::path split_folder(const fs::path& folder, DataSplit split) {
    for (const char* test : {"val", "test"}) {
        if (!fs::is_directory(folder / "train") || !fs::is_directory(folder / test)) continue;
        return folder / (split == DataSplit::train ? "train" : test);
    }
    return folder;
}

}  // namespace

Dataset open_image_folder(const fs::path& folder, DataSplit split, const Preprocessing& preprocessing) {
    const fs::path images = split_folder(folder, split);
    const fs::path csv = images / "labels.csv";
    LabelledFiles found = fs::exists(csv) ? listed_files(csv) : files_by_class(images);

    Dataset dataset;
    dataset.size = static_cast<std::int64_t>(found.files.size());
    dataset.preprocessing = preprocessing;
    dataset.labels = std::move(found.labels);
    dataset.class_count = found.class_count;
    dataset.classes = std::move(found.classes);
    dataset.augmentation.mirror = true;
    const auto files = std::make_shared<const std::vector<std::string>>(std::move(found.files));
    dataset.read = [files, preprocessing](std::int64_t index, Example& example) {
        example.file = (*files)[static_cast<std::size_t>(index)];
        example.image = read_image(example.file);
        convert_and_resize(example.image, preprocessing, example.file);
    };
    return dataset;
}

Preprocessing image_folder_preprocessing() {
    return {
        .resize = 256, .height = 224, .width = 224, .mean = {0.485F, 0.456F, 0.406F}, .std = {0.229F, 0.224F, 0.225F}};
}

}  // namespace eigenbit::internal
