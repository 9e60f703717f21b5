#include "engine/formats/onnx/metadata.h"

#include "engine/base/error.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace eigenbit::internal {
namespace {

using nlohmann::json;

constexpr std::string_view kPreprocessing = "eigenbit.preprocessing";
constexpr std::string_view kClasses = "eigenbit.classes";

Preprocessing to_preprocessing(const json& object) {
    Preprocessing result;
    object.at("channels").get_to(result.channels);
    const auto order = object.at("channel_order").get<std::string>();
    if (order != "rgb" && order != "bgr") fail("channel_order is '{}', rgb or bgr was expected", order);
    result.channel_order = order == "rgb" ? ChannelOrder::rgb : ChannelOrder::bgr;
    object.at("resize").get_to(result.resize);
    object.at("height").get_to(result.height);
    object.at("width").get_to(result.width);
    const auto fit = object.value("fit", std::string(fit_name(result.fit)));
    if (!fit_named(fit)) fail("fit is '{}', which is unknown", fit);
    result.fit = *fit_named(fit);
    object.at("mean").get_to(result.mean);
    object.at("std").get_to(result.std);
    return result;
}

json to_json(const Preprocessing& preprocessing) {
    return {{"channels", preprocessing.channels},
            {"channel_order", preprocessing.channel_order == ChannelOrder::rgb ? "rgb" : "bgr"},
            {"resize", preprocessing.resize},
            {"height", preprocessing.height},
            {"width", preprocessing.width},
            {"fit", fit_name(preprocessing.fit)},
            {"mean", preprocessing.mean},
            {"std", preprocessing.std}};
}

void add_property(onnx::ModelProto& file, std::string_view key, const json& value) {
    auto* property = file.add_metadata_props();
    property->set_key(std::string(key));
    property->set_value(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

void read_metadata(const onnx::ModelProto& file, Model& model) {
    for (const auto& property : file.metadata_props()) {
        try {
            if (property.key() == kPreprocessing) {
                model.preprocessing = to_preprocessing(json::parse(property.value()));
                validate(*model.preprocessing, kPreprocessing);
            } else if (property.key() == kClasses) {
                model.classes = json::parse(property.value()).get<std::vector<std::string>>();
            }
        } catch (const json::exception& error) {
            fail("its metadata '{}' are malformed: {}", property.key(), error.what());
        }
    }
}

void write_metadata(const Model& model, onnx::ModelProto& file) {
    if (model.preprocessing) add_property(file, kPreprocessing, to_json(*model.preprocessing));
    if (!model.classes.empty()) add_property(file, kClasses, model.classes);
}

}  // namespace eigenbit::internal
