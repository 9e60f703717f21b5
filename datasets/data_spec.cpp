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

constexpr auto kLabelledOptions = std::to_array<std::string_view>(
    {"split", "limit", "preset", "size", "fit", "resize", "crop", "mean", "std", "channels", "order"});
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

void set_size(ImageSize size, Preprocessing& preprocessing) {
    preprocessing.height = size.height;
    preprocessing.width = size.width;
    if (preprocessing.fit == Fit::crop || preprocessing.fit == Fit::cover) {
        const bool is_square = size.height == size.width;
        preprocessing.fit = is_square ? Fit::crop : Fit::cover;
        preprocessing.resize = is_square ? size.height : 0;
    }
}

/// What a network takes, where it takes but one size and nothing else says how images come to it.
void take_size(const Graph& graph, Preprocessing& preprocessing) {
    if (graph.inputs().empty() || graph.inputs().front().shape.rank() != 4) return;
    const Shape& shape = graph.inputs().front().shape;
    const ImageSize size{static_cast<int>(shape[1]), static_cast<int>(shape[2])};
    if (size.height == 0 || size.width == 0) return;
    if (size.height != preprocessing.height || size.width != preprocessing.width) set_size(size, preprocessing);
}

void apply_size(const DataOptions& options, Preprocessing& preprocessing) {
    const std::optional<ImageSize> size = options.size("size");
    const std::optional<std::string> fit_text = options.text("fit");
    const std::optional<Fit> fit = fit_named(fit_text.value_or(""));
    if (fit_text && !fit) options.reject("fit is \"{}\", crop, stretch or letterbox was expected", *fit_text);
    const auto kind = [](Fit way) { return way == Fit::cover ? Fit::crop : way; };
    const Fit wanted = kind(fit.value_or(preprocessing.fit));
    if (size || wanted != kind(preprocessing.fit)) {
        if (!size && preprocessing.height == 0) options.reject("fit={} needs a size, size=HxW", *fit_text);
        preprocessing.fit = wanted;
        preprocessing.resize = 0;
        set_size(size.value_or(ImageSize{preprocessing.height, preprocessing.width}), preprocessing);
    }
    const std::optional<ImageSize> crop = options.size("crop");
    const bool is_resized = options.text("resize").has_value();
    if (is_resized && preprocessing.fit == Fit::cover) preprocessing.fit = Fit::crop;
    if ((crop || is_resized) && preprocessing.fit != Fit::crop) {
        options.reject("resize and crop go with fit=crop, not with fit={}", fit_name(preprocessing.fit));
    }
    preprocessing.resize = options.integer("resize", 1, preprocessing.resize);
    if (crop) {
        preprocessing.height = crop->height;
        preprocessing.width = crop->width;
    }
}

std::string with_commas(const std::vector<float>& values, float divisor) {
    std::string text;
    for (const float value : values) text += fmt::format("{}{:.3g}", text.empty() ? "" : ",", value / divisor);
    return text;
}

/// Throws where they are given in the scale of 0 … 255.
void check_scale(const DataOptions& options, const std::vector<float>& mean, const std::vector<float>& std) {
    constexpr float kLargestMean = 1.0F, kLargestStd = 2.0F, kWhite = 255.0F;
    const bool large_mean = std::ranges::max(mean) > kLargestMean;
    const bool large_std = std::ranges::max(std) > kLargestStd;
    if (!large_mean && !large_std) return;
    const bool mean_counts = large_mean || std::ranges::max(mean) == 0.0F;
    options.reject(
        "mean={} and std={} are not of values in 0 … 1, as the network sees (value/255 − mean)/std; of these "
        "they are mean={}&std={}",
        with_commas(mean, 1.0F), with_commas(std, 1.0F), with_commas(mean, mean_counts ? kWhite : 1.0F),
        with_commas(std, kWhite));
}

/// Throws where images are not what the network takes, naming the options that make them so.
void check_fits(const DataOptions& options, const Preprocessing& preprocessing, const Graph& graph) {
    if (preprocessing.height == 0 || graph.inputs().empty() || graph.inputs().front().shape.rank() != 4) return;
    const Shape& taken = graph.inputs().front().shape;
    const auto differs = [](std::int64_t extent, int made) { return extent != 0 && extent != made; };
    const bool other_size = differs(taken[1], preprocessing.height) || differs(taken[2], preprocessing.width);
    const bool other_channels = differs(taken[3], preprocessing.channels);
    if (!other_size && !other_channels) return;
    const auto or_made = [](std::int64_t extent, int made) { return extent == 0 ? made : extent; };
    const auto height = or_made(taken[1], preprocessing.height);
    const auto width = or_made(taken[2], preprocessing.width);
    options.reject(
        "the images have {}x{} pixels of {} channels, the network takes {}x{} of {}: give {}{}{}", preprocessing.height,
        preprocessing.width, preprocessing.channels, height, width, or_made(taken[3], preprocessing.channels),
        other_size ? fmt::format("size={}x{}", height, width) : "", other_size && other_channels ? " and " : "",
        other_channels ? fmt::format("channels={}, with mean and std of these", taken[3]) : "");
}

Preprocessing preprocessing_of(const DataOptions& options, const Source& source, const Model* model) {
    const bool given = model != nullptr && model->preprocessing;
    Preprocessing preprocessing = given ? *model->preprocessing : source.usual_preprocessing();
    if (model != nullptr && (!given || preprocessing.height == 0)) take_size(model->graph, preprocessing);
    if (const std::optional<std::string> preset = options.text("preset")) {
        if (*preset != "imagenet") options.reject("preset is \"{}\", imagenet was expected", *preset);
        preprocessing = image_folder_preprocessing();
    }
    preprocessing.mean = options.numbers("mean", preprocessing.mean);
    preprocessing.std = options.numbers("std", preprocessing.std);
    preprocessing.channels = options.integer("channels", 1, preprocessing.channels);
    const bool rgb = options.is_first("order", "rgb", "bgr", preprocessing.channel_order == ChannelOrder::rgb);
    preprocessing.channel_order = rgb ? ChannelOrder::rgb : ChannelOrder::bgr;
    if (source.options.data() == kLabelledOptions.data()) apply_size(options, preprocessing);
    return preprocessing;
}

/// `model` may be null.
Dataset open(std::string_view spec, DataSplit split, const Model* model) {
    const DataOptions options(spec);
    const Source& source = find_source(options);
    const Preprocessing preprocessing = preprocessing_of(options, source, model);
    validate(preprocessing, fmt::format("data \"{}\"", spec));
    if (options.text("mean") || options.text("std")) check_scale(options, preprocessing.mean, preprocessing.std);
    const bool train = options.is_first("split", "train", "test", split == DataSplit::train);

    Dataset dataset = source.open(options, train ? DataSplit::train : DataSplit::test, preprocessing);
    dataset.name = spec;
    dataset.size = std::min<std::int64_t>(dataset.size, options.integer("limit", 1, std::numeric_limits<int>::max()));
    dataset.labels.resize(std::min(dataset.labels.size(), static_cast<std::size_t>(dataset.size)));
    if (model != nullptr) check_fits(options, dataset.preprocessing, model->graph);
    return dataset;
}

}  // namespace

Dataset open_dataset(std::string_view spec, DataSplit split) { return open(spec, split, nullptr); }

Dataset open_dataset(std::string_view spec, DataSplit split, const Model& model) {
    Dataset dataset = open_images(spec, split, model);
    match_classes(dataset, model.classes, score_count(model.graph, dataset.preprocessing));
    return dataset;
}

Dataset open_images(std::string_view spec, DataSplit split, const Model& model) { return open(spec, split, &model); }

}  // namespace eigenbit::internal
