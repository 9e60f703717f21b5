#include "engine/formats/ebit_graph.h"

#include "engine/error.h"
#include "engine/formats/ebit_attributes.h"
#include "engine/formats/ebit_side_information.h"

#include <algorithm>
#include <set>

namespace eigenbit {
namespace {

constexpr std::int64_t kLargestInputExtent = 1 << 20;
constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
constexpr std::int64_t kLongestTypeName = 64;

void write_shape(ByteWriter& writer, const Shape& shape) {
    writer.varint(static_cast<std::uint64_t>(shape.rank()));
    for (const std::int64_t extent : shape) writer.varint(static_cast<std::uint64_t>(extent));
}

Shape read_shape(ByteReader& reader, std::int64_t least, std::int64_t most) {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(reader.at_most(Shape::kMaxRank, "the rank of a shape")));
    std::int64_t elements = 1;
    for (std::int64_t& extent : extents) {
        extent = reader.at_most(most, "an extent of a shape");
        if (extent < least) fail("{}: an extent of a shape is {}", reader.where(), extent);
        if (extent > 0 && elements > kMostElements / extent) fail("{}: a shape is too large", reader.where());
        elements *= std::max<std::int64_t>(extent, 1);
    }
    return Shape(extents);
}

/// Writes nodes, operator types by their place in a list of those in use.
class NodeWriter {
  public:
    explicit NodeWriter(const Graph& graph) : graph_(graph) {
        for (const Node& node : graph.nodes()) types_.insert(type_name(node.op));
        const std::vector<ValueId> order = stored_order(graph);
        for (std::size_t i = 0; i < order.size(); ++i) numbers_.emplace(order[i], i);
        known_ = graph.inputs().size() + graph.parameters().size();
    }

    void write(ByteWriter& writer, NameWriter& names) {
        writer.varint(types_.size());
        for (const std::string_view type : types_) writer.text(type);
        writer.varint(graph_.nodes().size());
        for (const Node& node : graph_.nodes()) {
            names.write(writer, node.name);
            writer.varint(static_cast<std::uint64_t>(std::distance(types_.begin(), types_.find(type_name(node.op)))));
            const std::vector<std::uint8_t> attributes = write_attributes(node.op);
            writer.varint(attributes.size());
            writer.raw(attributes);
            writer.varint(node.inputs.size());
            for (const ValueId input : node.inputs) write_value(writer, node.name, input);
            known_ += node.outputs.size();
        }
        writer.varint(graph_.outputs().size());
        for (const ValueId output : graph_.outputs()) write_value(writer, "the network's output", output);
    }

  private:
    void write_value(ByteWriter& writer, std::string_view reader, ValueId value) const {
        const auto number = numbers_.find(value);
        if (number == numbers_.end() || number->second >= known_) {
            fail("'{}' reads '{}', which nothing before it puts out.", reader, graph_.name(value));
        }
        writer.varint(number->second);
    }

    const Graph& graph_;
    std::set<std::string_view> types_;
    std::map<ValueId, std::size_t> numbers_;
    std::size_t known_;  // how many values are there at a node
};

class GraphReader {
  public:
    GraphReader(ByteReader& reader, std::int64_t most_elements) : reader_(reader), elements_left_(most_elements) {}

    StoredGraph read() {
        const std::size_t inputs = reader_.count("the number of inputs");
        for (std::size_t i = 0; i < inputs; ++i) read_input();
        const std::size_t parameters = reader_.count("the number of parameters");
        for (std::size_t i = 0; i < parameters; ++i) read_parameter();
        read_types();
        const std::size_t nodes = reader_.count("the number of nodes");
        for (std::size_t i = 0; i < nodes; ++i) read_node();
        for (const ValueId output : read_values("the network's outputs")) stored_.graph.add_output(output);
        reader_.expect_end();
        if (inputs == 0 || stored_.graph.outputs().empty()) {
            fail("{}: the network has no {}", reader_.where(), inputs == 0 ? "input" : "output");
        }
        return std::move(stored_);
    }

  private:
    void read_input() {
        const std::string name = names_.read(reader_, "the name of an input");
        const Shape shape = read_shape(reader_, 0, kLargestInputExtent);
        if (shape.rank() == 0) fail("{}: input '{}' has no dimensions", reader_.where(), name);
        stored_.graph.add_input(name, shape);
    }

    void read_parameter() {
        const std::int64_t begin = reader_.position();
        const std::string name = names_.read(reader_, "the name of a parameter");
        const Shape shape = read_shape(reader_, 1, kMostElements);
        elements_left_ -= shape.elements();
        if (elements_left_ < 0) {
            fail("{}: parameter '{}' has {} elements, more than a file of this length may hold", reader_.where(), name,
                 shape.elements());
        }
        const ValueId value = stored_.graph.add_parameter(name, Tensor());
        stored_.parameter_shapes.emplace(value, shape);
        const bool quantized = reader_.at_most(1, "the form of a parameter") != 0;
        const std::int64_t middle = reader_.position();
        stored_.parameter_bytes[value] = middle - begin;
        if (!quantized) return;
        stored_.graph.parameter(value).quantization = read_side_information(reader_, shape);
        stored_.side_information_bytes[value] = reader_.position() - middle;
    }

    void read_types() {
        const std::size_t types = reader_.count("the number of operator types");
        for (std::size_t i = 0; i < types; ++i) {
            types_.push_back(reader_.text(kLongestTypeName, "the name of an operator type"));
        }
    }

    void read_node() {
        const std::int64_t begin = reader_.position();
        const std::string name = names_.read(reader_, "the name of a node");
        const std::size_t type = static_cast<std::size_t>(reader_.varint("the type of a node"));
        if (type >= types_.size()) fail("{}: node '{}' has no known type", reader_.where(), name);
        const auto attributes = reader_.raw(reader_.count("the attributes of a node"), "the attributes of a node");
        ByteReader attribute_reader(attributes, fmt::format("{}: node '{}' ({})", reader_.where(), name, types_[type]));
        Operator op = read_operator(types_[type], attribute_reader);
        std::vector<ValueId> inputs = read_values("the inputs of a node");
        if (const auto* split = std::get_if<Split>(&op)) {
            const auto outputs = static_cast<int>(split->sizes.size());
            stored_.graph.add_node(name, std::move(op), std::move(inputs), outputs);
        } else {
            stored_.graph.add_node(name, std::move(op), std::move(inputs));
        }
        stored_.node_bytes.push_back(reader_.position() - begin);
    }

    /// Values that are there already: so there are no cycles.
    std::vector<ValueId> read_values(std::string_view field) {
        std::vector<ValueId> values(reader_.count(field));
        for (ValueId& value : values) {
            const auto number = reader_.varint(field);
            if (number >= stored_.graph.value_count()) {
                fail("{}: {} contain value {}, of {} so far", reader_.where(), field, number,
                     stored_.graph.value_count());
            }
            value = static_cast<ValueId>(number);
        }
        return values;
    }

    ByteReader& reader_;
    NameReader names_;
    std::vector<std::string> types_;
    StoredGraph stored_;
    std::int64_t elements_left_;
};

}  // namespace

std::vector<ValueId> stored_order(const Graph& graph) {
    std::vector<ValueId> order;
    for (const Graph::Input& input : graph.inputs()) order.push_back(input.value);
    std::set<ValueId> listed;
    for (const Node& node : graph.nodes()) {
        for (const ValueId input : node.inputs) {
            if (graph.is_parameter(input) && listed.insert(input).second) order.push_back(input);
        }
    }
    for (const auto& [value, parameter] : graph.parameters()) {
        if (!listed.contains(value)) order.push_back(value);
    }
    for (const Node& node : graph.nodes()) order.insert(order.end(), node.outputs.begin(), node.outputs.end());
    return order;
}

std::vector<std::uint8_t> write_graph(const Graph& graph) {
    ByteWriter writer;
    NameWriter names;
    writer.varint(graph.inputs().size());
    for (const Graph::Input& input : graph.inputs()) {
        names.write(writer, graph.name(input.value));
        write_shape(writer, input.shape);
    }
    writer.varint(graph.parameters().size());
    for (const ValueId value : stored_order(graph)) {
        if (!graph.is_parameter(value)) continue;
        const Parameter& parameter = graph.parameter(value);
        names.write(writer, graph.name(value));
        write_shape(writer, parameter.values.shape());
        writer.varint(parameter.quantization ? 1 : 0);
        if (parameter.quantization) {
            write_side_information(writer, *parameter.quantization, parameter.values.shape());
        }
    }
    NodeWriter(graph).write(writer, names);
    return std::move(writer).take();
}

StoredGraph read_graph(ByteReader& reader, std::int64_t most_elements) {
    return GraphReader(reader, most_elements).read();
}

std::map<ValueId, std::string> layers_of_parameters(const Graph& graph) {
    std::map<ValueId, std::string> layers;
    for (const Node& node : graph.nodes()) {
        for (const ValueId input : node.inputs) {
            if (graph.is_parameter(input)) layers.emplace(input, node.name);
        }
    }
    for (const auto& [value, parameter] : graph.parameters()) layers.emplace(value, graph.name(value));
    return layers;
}

}  // namespace eigenbit
