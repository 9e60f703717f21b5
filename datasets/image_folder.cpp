#include "datasets/image_folder.h"

#include "datasets/folder_layout.h"
#include "datasets/image_files.h"
#include "datasets/label_list.h"
#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/file.h"
#include "engine/formats/preprocess.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace eigenbit::internal {
namespace {

namespace fs = std::filesystem;

/// No labels where nothing says what the images show.
struct LabelledFiles {
    std::vector<std::string> files;
    std::vector<int> labels;
    int class_count = 0;
    std::vector<std::string> classes;
};

/// The images of a list beside it.
LabelledFiles listed_files(const fs::path& csv, LabelList (*parse)(std::string_view, std::string_view)) {
    const std::vector<std::uint8_t> bytes = read_file(csv);
    LabelList list = parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, csv.string());
    LabelledFiles listed{
        .files = {}, .labels = {}, .class_count = list.class_count, .classes = std::move(list.classes)};
    for (const LabelList::Row& row : list.rows) {
        const fs::path file = csv.parent_path() / row.file;
        if (!fs::is_regular_file(file)) {
            fail("\"{}\", line {}: there is no file \"{}\" beside it", csv.string(), row.line, row.file);
        }
        listed.files.push_back(file.string());
        listed.labels.push_back(row.label);
    }
    return listed;
}

/// The images that lie in the folder itself.
LabelledFiles files_without_labels(const fs::path& folder) {
    LabelledFiles found;
    for (const fs::path& file : list_images(folder)) found.files.push_back(file.string());
    return found;
}

LabelledFiles files_by_class(const std::vector<fs::path>& class_folders) {
    LabelledFiles found;
    std::vector<std::vector<fs::path>> images;
    std::size_t most = 0;
    for (const fs::path& class_folder : class_folders) {
        found.classes.push_back(class_folder.filename().string());
        images.push_back(list_images_below(class_folder));
        most = std::max(most, images.back().size());
    }
    if (most == 0) list_images(class_folders.front());  // which says that there are none
    for (std::size_t label = 0; label < images.size(); ++label) {
        if (images[label].empty()) {
            warn("the class folder \"{}\" has no images; it is a class all the same", class_folders[label].string());
        }
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

LabelledFiles files_in(const fs::path& folder) {
    const std::vector<fs::path> class_folders = list_folders(folder);
    if (!class_folders.empty()) return files_by_class(class_folders);
    if (has_images(folder)) return files_without_labels(folder);
    fail("the folder \"{}\" has no images, no labels.csv and no folder for each class", folder.string());
}

}  // namespace

Dataset open_image_folder(const fs::path& folder, DataSplit split, const Preprocessing& preprocessing) {
    const fs::path images = folder_of_split(folder, split);
    LabelledFiles found = fs::exists(images / kLabelList)    ? listed_files(images / kLabelList, parse_label_list)
                          : fs::exists(images / kClassTable) ? listed_files(images / kClassTable, parse_class_table)
                                                             : files_in(images);

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
