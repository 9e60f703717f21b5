#include "engine/formats/ebit/ebit.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/ebit/activations.h"
#include "engine/formats/ebit/container.h"
#include "engine/formats/ebit/metadata.h"
#include "engine/formats/file.h"
#include "engine/graph/layer_view.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>

namespace eigenbit::internal {
namespace {

static_assert(std::endian::native == std::endian::little, "float parameters are copied as they lie in memory");

constexpr std::string_view kGraph = "GRPH";
constexpr std::string_view kMetadata = "META";
constexpr std::string_view kFloats = "FLTS";
constexpr std::string_view kLevels = "LEVL";
constexpr std::array kSections{kGraph, kMetadata, kFloats, kLevels};
constexpr std::string_view kActivations = "ACTV";
constexpr int kPlain = 0;  // the only coder of all sections but LEVL

std::vector<std::uint8_t> write_floats(const Graph& graph) {
    ByteWriter writer;
    for (const ValueId value : stored_order(graph)) {
        if (!graph.is_parameter(value) || !graph.parameter(value).is_float()) continue;
        const auto bytes = std::as_bytes(graph.parameter(value).values().values());
        writer.raw({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    }
    return std::move(writer).take();
}

void read_floats(ByteReader& reader, StoredGraph& stored) {
    for (const auto& [value, shape] : stored.parameter_shapes) {
        Weight& weight = stored.graph.parameter(value);
        if (!weight.is_float()) continue;
        const auto bytes = reader.raw(static_cast<std::size_t>(shape.elements()) * sizeof(float),
                                      formatted("parameter '{}'", stored.graph.name(value)));
        weight = Tensor(shape);
        std::memcpy(weight.values().data(), bytes.data(), bytes.size());
    }
    reader.expect_end();
}

/// What is quantized of a graph, in the order in which files have it.
template <typename QuantizedType, typename GraphType>
std::vector<StoredLevels<QuantizedType>> all_levels(GraphType& graph) {
    std::vector<StoredLevels<QuantizedType>> stored;
    for (const ValueId value : stored_order(graph)) {
        if (!graph.is_parameter(value)) continue;
        for (QuantizedType* const factor : quantized_factors(graph.parameter(value))) {
            stored.push_back({graph.name(value), factor});
        }
    }
    return stored;
}

/// Gains of layers, which rates count as side information of levels.
std::set<ValueId> gains_of(const Graph& graph) {
    std::set<ValueId> gains;
    for (const LayerView& layer : layers_of(graph)) {
        if (layer.gain) gains.insert(*layer.gain);
    }
    return gains;
}

void charge_floats(const Graph& graph, SizeLedger& sizes) {
    const std::set<ValueId> gains = gains_of(graph);
    for (const auto& [value, layer] : layers_of_parameters(graph)) {
        const Weight& weight = graph.parameter(value);
        if (!weight.is_float()) continue;
        sizes.charge(layer, gains.contains(value) ? SizeCategory::side_information : SizeCategory::float_parameters,
                     weight.elements() * static_cast<std::int64_t>(sizeof(float)));
    }
}

std::vector<std::uint8_t> write_all_levels(const Graph& graph, LevelStorage storage, SizeLedger& sizes) {
    LevelBytes levels = write_levels(all_levels<const Quantized>(graph), storage);
    sizes.charge("", SizeCategory::side_information, levels.side_information);
    const std::map<ValueId, std::string> layers = layers_of_parameters(graph);
    std::size_t stored = 0;
    for (const ValueId value : stored_order(graph)) {
        if (!graph.is_parameter(value)) continue;
        const std::size_t factors = quantized_factors(graph.parameter(value)).size();
        for (std::size_t i = 0; i < factors; ++i) {
            const SizeCategory category = i == 0 ? SizeCategory::kernel_levels : SizeCategory::basis_levels;
            sizes.charge(layers.at(value), category, levels.weights[stored++]);
        }
    }
    return std::move(levels.bytes);
}

/// Reads the sections of one file.
class EbitReader {
  public:
    EbitReader(std::span<const std::uint8_t> bytes, std::string_view name, const GraphLimits& limits = {})
        : name_(name), container_(read_container(bytes, name)) {
        for (const EbitContainer::Section& section : container_.sections) {
            if (section.name == kActivations || std::ranges::count(kSections, section.name) > 0) {
                check_coder(section);
                continue;
            }
            if (section.mandatory) {
                fail("{}: section {} is unknown; the file needs a newer version of eigenbit", name, section.name);
            }
            warn("{}: section {} is unknown and left out; a newer version of eigenbit would read it", name,
                 section.name);
        }
        for (const std::string_view section : kSections) {
            if (!container_.has(section)) fail("{}: section {} is missing", name, section);
        }
        ByteReader metadata = section(kMetadata);
        read_metadata(metadata, file_.model);
        ByteReader reader = section(kGraph);
        stored_ = read_graph(reader, {std::min(limits.elements, most_stored_elements(bytes.size())), limits.nodes},
                             file_.model.preprocessing);
    }

    EbitFile read() {
        ByteReader floats = section(kFloats);
        read_floats(floats, stored_);
        read_quantized();
        read_rounded();
        file_.model.graph = std::move(stored_.graph);
        return std::move(file_);
    }

    /// `owner` keeps the file's bytes.
    Model open(std::shared_ptr<const FileBytes> owner) {
        ByteReader floats = section(kFloats);
        read_floats(floats, stored_);
        defer_levels(std::move(owner));
        read_rounded();
        file_.model.graph = std::move(stored_.graph);
        return std::move(file_.model);
    }

  private:
    /// The bytes of a file and what finds levels in them.
    struct DeferredLevels {
        std::shared_ptr<const FileBytes> owner;
        LevelReader reader;
    };

    void defer_levels(std::shared_ptr<const FileBytes> owner) {
        const auto stored = all_levels<Quantized>(stored_.graph);
        const EbitContainer::Section& found = container_.find(kLevels);
        LevelReader reader(found.bytes, where(kLevels), static_cast<LevelStorage>(found.coder), stored);
        const auto deferred =
            std::make_shared<const DeferredLevels>(DeferredLevels{std::move(owner), std::move(reader)});
        for (std::size_t i = 0; i < stored.size(); ++i) {
            stored[i].weight->source = {.all = [deferred, i] { return deferred->reader.read(i); },
                                        .block =
                                            [deferred, i](std::size_t block) {
                                                auto levels = deferred->reader.read_block(i, block);
                                                deferred->owner->release_memory();
                                                return levels;
                                            }};
        }
        for (const auto& [value, weight] : stored_.graph.parameters()) check_weight(weight, stored_.graph.name(value));
    }

    std::string where(std::string_view section) const { return formatted("{}: section {}", name_, section); }
    ByteReader section(std::string_view section) const { return {container_.find(section).bytes, where(section)}; }

    void check_coder(const EbitContainer::Section& section) const {
        const bool known = section.name == kLevels ? is_level_storage(section.coder) : section.coder == kPlain;
        if (!known) {
            fail("{}: section {} has coder {}, which is unknown; the file needs a newer version of eigenbit", name_,
                 section.name, section.coder);
        }
    }

    void read_quantized() {
        const EbitContainer::Section& levels = container_.find(kLevels);
        file_.storage = static_cast<LevelStorage>(levels.coder);
        read_levels(levels.bytes, where(kLevels), file_.storage, all_levels<Quantized>(stored_.graph));
        for (const auto& [value, weight] : stored_.graph.parameters()) check_weight(weight, stored_.graph.name(value));
    }

    void check_weight(const Weight& weight, std::string_view parameter) const {
        try {
            if (weight.quantized()) validate(*weight.quantized());
            if (weight.product()) validate(*weight.product());
        } catch (const Error& error) {
            fail("{}: parameter '{}': {}", name_, parameter, error.what());
        }
    }

    void read_rounded() {
        if (!container_.has(kActivations)) return;
        ByteReader reader = section(kActivations);
        read_activations(reader, stored_.graph);
    }

    std::string name_;
    EbitContainer container_;
    StoredGraph stored_;
    EbitFile file_;
};

}  // namespace

std::int64_t most_stored_elements(std::size_t file_bytes) {
    return (std::int64_t{1} << 20) + 1024 * static_cast<std::int64_t>(file_bytes);
}

EbitFile read_ebit(std::span<const std::uint8_t> bytes, std::string_view name) {
    return EbitReader(bytes, name).read();
}

EbitFile read_ebit(const std::filesystem::path& path) {
    return read_ebit(read_file(path), formatted("\"{}\"", path.string()));
}

Model open_ebit(std::shared_ptr<const FileBytes> bytes, std::string_view name, const GraphLimits& limits) {
    EbitReader reader(bytes->span(), name, limits);
    return reader.open(std::move(bytes));
}

EncodedEbit encode_ebit(const Model& model, LevelStorage storage) {
    EncodedEbit result;
    const auto charge = [&](SizeCategory category, std::size_t bytes) {
        result.sizes.charge("", category, static_cast<std::int64_t>(bytes));
    };
    std::vector<EbitSection> sections{{std::string(kGraph), true, kPlain, write_graph(model.graph, result.sizes)},
                                      {std::string(kMetadata), true, kPlain, write_metadata(model)},
                                      {std::string(kFloats), true, kPlain, write_floats(model.graph)}};
    charge(SizeCategory::metadata, sections[1].bytes.size());
    charge_floats(model.graph, result.sizes);
    sections.push_back(
        {std::string(kLevels), true, static_cast<int>(storage), write_all_levels(model.graph, storage, result.sizes)});
    if (!model.graph.activations().empty()) {
        sections.push_back({std::string(kActivations), false, kPlain, write_activations(model.graph)});
        charge(SizeCategory::graph, sections.back().bytes.size());
    }
    result.bytes = write_container(sections);
    const EbitContainer container = read_container(result.bytes, "The network");
    charge(SizeCategory::header, static_cast<std::size_t>(container.header_bytes));
    charge(SizeCategory::padding, static_cast<std::size_t>(container.padding_bytes));
    return result;
}

SizeLedger write_ebit(const Model& model, const std::filesystem::path& path, LevelStorage storage) {
    EncodedEbit encoded = encode_ebit(model, storage);
    read_ebit(encoded.bytes, formatted("\"{}\"", path.string()));
    write_file(path, encoded.bytes);
    return std::move(encoded.sizes);
}

}  // namespace eigenbit::internal
