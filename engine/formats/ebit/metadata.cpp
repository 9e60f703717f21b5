#include "engine/formats/ebit/metadata.h"

#include "engine/base/error.h"

namespace eigenbit::internal {
namespace {

constexpr std::string_view kFitNote = "preprocessing.fit";  // where it is not Fit::crop

constexpr std::int64_t kLargestSide = 1 << 16;

void write_floats(ByteWriter& writer, const std::vector<float>& values) {
    writer.varint(values.size());
    for (const float value : values) writer.float32(value);
}

std::vector<float> read_floats(ByteReader& reader, std::string_view field) {
    std::vector<float> values(reader.count(field));
    for (float& value : values) value = reader.float32(field);
    return values;
}

void write_preprocessing(ByteWriter& writer, const Preprocessing& preprocessing) {
    writer.varint(static_cast<std::uint64_t>(preprocessing.channels));
    writer.varint(static_cast<std::uint64_t>(preprocessing.channel_order));
    writer.varint(static_cast<std::uint64_t>(preprocessing.resize));
    writer.varint(static_cast<std::uint64_t>(preprocessing.height));
    writer.varint(static_cast<std::uint64_t>(preprocessing.width));
    write_floats(writer, preprocessing.mean);
    write_floats(writer, preprocessing.std);
}

Preprocessing read_preprocessing(ByteReader& reader) {
    Preprocessing preprocessing;
    preprocessing.channels = static_cast<int>(reader.at_most(3, "the number of image channels"));
    preprocessing.channel_order = static_cast<ChannelOrder>(reader.at_most(1, "the order of image channels"));
    preprocessing.resize = static_cast<int>(reader.at_most(kLargestSide, "the size of images"));
    preprocessing.height = static_cast<int>(reader.at_most(kLargestSide, "the height of images"));
    preprocessing.width = static_cast<int>(reader.at_most(kLargestSide, "the width of images"));
    preprocessing.mean = read_floats(reader, "the mean of images");
    preprocessing.std = read_floats(reader, "the standard deviation of images");
    validate(preprocessing, reader.where());
    return preprocessing;
}

}  // namespace

std::vector<std::uint8_t> write_metadata(const Model& model) {
    ByteWriter writer;
    writer.varint(model.preprocessing ? 1 : 0);
    if (model.preprocessing) {
        validate(*model.preprocessing, "The model's preprocessing");
        write_preprocessing(writer, *model.preprocessing);
    }
    NameWriter names;
    writer.varint(model.classes.size());
    for (const std::string& name : model.classes) names.write(writer, name);
    std::map<std::string, std::string> notes = model.metadata;
    if (model.preprocessing && model.preprocessing->fit != Fit::crop) {
        notes[std::string(kFitNote)] = fit_name(model.preprocessing->fit);
    }
    writer.varint(notes.size());
    for (const auto& [key, value] : notes) {
        names.write(writer, key);
        writer.text(value);
    }
    return std::move(writer).take();
}

void read_metadata(ByteReader& reader, Model& model) {
    if (reader.at_most(1, "whether there is preprocessing") != 0) model.preprocessing = read_preprocessing(reader);
    NameReader names;
    const std::size_t classes = reader.count("the number of classes");
    for (std::size_t i = 0; i < classes; ++i) model.classes.push_back(names.read(reader, "the name of a class"));
    const std::size_t notes = reader.count("the number of notes");
    for (std::size_t i = 0; i < notes; ++i) {
        const std::string key = names.read(reader, "the key of a note");
        if (!model.metadata.emplace(key, reader.text(reader.remaining(), "a note")).second) {
            fail("{}: note '{}' is there twice", reader.where(), key);
        }
    }
    reader.expect_end();
    if (const auto note = model.metadata.find(std::string(kFitNote));
        model.preprocessing && note != model.metadata.end()) {
        const std::optional<Fit> fit = fit_named(note->second);
        if (!fit) fail("{}: images are fitted by '{}', which is unknown", reader.where(), note->second);
        model.preprocessing->fit = *fit;
        model.metadata.erase(note);
        validate(*model.preprocessing, reader.where());
    }
}

}  // namespace eigenbit::internal
