#include "datasets/data_spec.h"

#include "datasets/cifar.h"
#include "datasets/classes.h"
#include "datasets/data_options.h"
#include "datasets/idx.h"
#include "datasets/image_folder.h"
#include "datasets/restoration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace eigenbit::internal {
namespace {

constexpr auto kLabelledOptions =
    std::to_array<std::string_view>({"split", "limit", "size", "resize", "crop", "mean", "std", "channels", "order"});
constexpr auto kDenoisingOptions =
    std::to_array<std::string_view>({"sigma", "seed", "limit", "crop", "crops", "mean", "std", "channels", "order"});
constexpr auto kSuperResolutionOptions =
    std::to_array<std::string_view>({"limit", "crop", "crops", "mean", "std", "channels", "order"});

template <auto open_folder>
Dataset open_labelled(const DataOptions& options, DataSplit split, const Preprocessing& preprocessing) {
    return open_folder(options.paths(), split, preprocessing);
}

Dataset open_fashion_there(const DataOptions& options, DataSplit split, const Preprocessing& preprocessing) {
    return open_fashion(options.paths().empty() ? fashion_folder() : std::filesystem::path(options.paths()), split,
                        preprocessing);
}

Dataset with_crops(const DataOptions& options, Dataset dataset) {
    Augmentation& augmentation = dataset.augmentation;
    augmentation.crop = options.integer("crop", 1, augmentation.crop);
    augmentation.crops_per_image = options.integer("crops", 1, augmentation.crops_per_image);
    return dataset;
}

Dataset open_denoising_spec(const DataOptions& options, DataSplit, const Preprocessing& preprocessing) {
    const float sigma = options.number("sigma", 0.0F, 25.0F);
    const auto seed = static_cast<std::uint64_t>(options.integer("seed", 0, 0));
    return with_crops(options, open_denoising(options.paths(), sigma / 255.0F, seed, preprocessing));
}

Dataset open_super_resolution_spec(const DataOptions& options, DataSplit, const Preprocessing& preprocessing) {
    const std::vector<std::string> folders = divide(options.paths(), ',');
    if (folders.size() != 2) options.reject("two folders, superres:HIGH_DIR,LOW_DIR, were expected");
    return with_crops(options, open_super_resolution(folders[0], folders[1], preprocessing));
}

struct Source {
    std::string_view name;
    std::string_view form;
    std::span<const std::string_view> options;
    Preprocessing (*usual_preprocessing)();
    Dataset (*open)(const DataOptions& options, DataSplit split, const Preprocessing& preprocessing);
};

constexpr auto kSources = std::to_array<Source>({
    {"fashion", "fashion", kLabelledOptions, fashion_preprocessing, open_fashion_there},
    {"mnist", "mnist:DIR", kLabelledOptions, mnist_preprocessing, open_labelled<open_mnist>},
    {"cifar10", "cifar10:DIR", kLabelledOptions, cifar_preprocessing, open_labelled<open_cifar10>},
    {"cifar100", "cifar100:DIR", kLabelledOptions, cifar_preprocessing, open_labelled<open_cifar100>},
    {"folder", "folder:DIR", kLabelledOptions, image_folder_preprocessing, open_labelled<open_image_folder>},
    {"denoise", "denoise:DIR", kDenoisingOptions, denoising_preprocessing, open_denoising_spec},
    {"superres", "superres:HIGH_DIR,LOW_DIR", kSuperResolutionOptions, super_resolution_preprocessing,
     open_super_resolution_spec},
});

const Source& find_source(const DataOptions& options) {
    const auto source = std::find_if(kSources.begin(), kSources.end(),
                                     [&](const Source& candidate) { return candidate.name == options.name(); });
    if (source == kSources.end()) {
        std::vector<std::string_view> forms;
        for (const Source& known : kSources) forms.push_back(known.form);
        options.reject("there is no data set \"{}\", one of {} was expected", options.name(), joined(forms));
    }
    if (options.paths().empty() && source->form != source->name) {
        options.reject("the folder is missing, {} was expected", source->form);
    }
    for (const auto& [option, value] : options.values()) {
        if (std::find(source->options.begin(), source->options.end(), option) == source->options.end()) {
            options.reject("there is no option \"{}\", one of {} was expected", option, joined(source->options));
        }
    }
    return *source;
}

void apply(const DataOptions& options, Preprocessing& preprocessing) {
    preprocessing.mean = options.numbers("mean", preprocessing.mean);
    preprocessing.std = options.numbers("std", preprocessing.std);
    preprocessing.channels = options.integer("channels", 1, preprocessing.channels);
    const bool rgb = options.is_first("order", "rgb", "bgr", preprocessing.channel_order == ChannelOrder::rgb);
    preprocessing.channel_order = rgb ? ChannelOrder::rgb : ChannelOrder::bgr;
    preprocessing.resize = options.integer("size", 1, preprocessing.resize);
    preprocessing.resize = options.integer("resize", 1, preprocessing.resize);
    for (int* side : {&preprocessing.height, &preprocessing.width}) {
        *side = options.integer("size", 1, *side);
        *side = options.integer("crop", 1, *side);
    }
}

Dataset open(std::string_view spec, DataSplit split, const std::optional<Preprocessing>& of_model) {
    const DataOptions options(spec);
    const Source& source = find_source(options);
    Preprocessing preprocessing = of_model ? *of_model : source.usual_preprocessing();
    apply(options, preprocessing);
    validate(preprocessing, fmt::format("data \"{}\"", spec));
    const bool train = options.is_first("split", "train", "test", split == DataSplit::train);

    Dataset dataset = source.open(options, train ? DataSplit::train : DataSplit::test, preprocessing);
    dataset.name = spec;
    dataset.size = std::min<std::int64_t>(dataset.size, options.integer("limit", 1, std::numeric_limits<int>::max()));
    dataset.labels.resize(std::min(dataset.labels.size(), static_cast<std::size_t>(dataset.size)));
    return dataset;
}

}  // namespace

Dataset open_dataset(std::string_view spec, DataSplit split) { return open(spec, split, {}); }

Dataset open_dataset(std::string_view spec, DataSplit split, const Model& model) {
    Dataset dataset = open_images(spec, split, model);
    match_classes(dataset, model.classes, score_count(model.graph, dataset.preprocessing));
    return dataset;
}

Dataset open_images(std::string_view spec, DataSplit split, const Model& model) {
    return open(spec, split, model.preprocessing);
}

}  // namespace eigenbit::internal
