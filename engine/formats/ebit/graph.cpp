#include "engine/formats/ebit/graph.h"

#include "engine/base/error.h"
#include "engine/formats/ebit/activations.h"
#include "engine/formats/ebit/attributes.h"
#include "engine/formats/ebit/side_information.h"

#include <algorithm>
#include <set>

namespace eigenbit::internal {
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

/// The forms of a weight and of a basis, by the numbers that files have for them.
enum class Form { floats, quantized, product };
constexpr std::int64_t kForms = 3;
enum class BasisForm { quantized, dct1, dct2 };
constexpr std::int64_t kBasisForms = 3;
constexpr std::int64_t kAxes = 3;

/// Returns how many bytes of it are side information.
std::size_t write_basis(ByteWriter& writer, const Basis& basis) {
    std::size_t side_information = 0;
    writer.varint(static_cast<std::uint64_t>(basis.axis));
    if (const auto* const quantized = std::get_if<Quantized>(&basis.matrix)) {
        writer.varint(static_cast<std::uint64_t>(BasisForm::quantized));
        writer.varint(static_cast<std::uint64_t>(quantized->shape[1]));
        const std::size_t begin = writer.bytes().size();
        write_side_information(writer, *quantized);
        side_information = writer.bytes().size() - begin;
    } else {
        const bool is_first = std::get<CosineKind>(basis.matrix) == CosineKind::dct1;
        writer.varint(static_cast<std::uint64_t>(is_first ? BasisForm::dct1 : BasisForm::dct2));
    }
    writer.varint(basis.inner ? 1 : 0);
    if (basis.inner) write_quantizer(writer, *basis.inner);
    return side_information;
}

/// Shape, form and side information. Returns how many bytes of it are the latter.
std::size_t write_weight(ByteWriter& writer, const Weight& weight) {
    write_shape(writer, weight.shape());
    if (const Product* const product = weight.product()) {
        validate(*product);
        writer.varint(static_cast<std::uint64_t>(Form::product));
        writer.varint(product->bases.size());
        std::size_t side_information = 0;
        for (const Basis& basis : product->bases) side_information += write_basis(writer, basis);
        const std::size_t begin = writer.bytes().size();
        write_side_information(writer, product->kernel);
        return side_information + writer.bytes().size() - begin;
    }
    writer.varint(static_cast<std::uint64_t>(weight.quantized() ? Form::quantized : Form::floats));
    const std::size_t begin = writer.bytes().size();
    if (weight.quantized()) write_side_information(writer, *weight.quantized());
    return writer.bytes().size() - begin;
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

    void write(ByteWriter& writer, NameWriter& names, SizeLedger& sizes) {
        writer.varint(types_.size());
        for (const std::string_view type : types_) writer.text(type);
        writer.varint(graph_.nodes().size());
        for (const Node& node : graph_.nodes()) {
            const std::size_t begin = writer.bytes().size();
            names.write(writer, node.name);
            writer.varint(static_cast<std::uint64_t>(std::distance(types_.begin(), types_.find(type_name(node.op)))));
            const std::vector<std::uint8_t> attributes = write_attributes(node.op);
            writer.varint(attributes.size());
            writer.raw(attributes);
            writer.varint(node.inputs.size());
            for (const ValueId input : node.inputs) write_value(writer, node.name, input);
            sizes.charge(node.name, SizeCategory::graph, static_cast<std::int64_t>(writer.bytes().size() - begin));
            known_ += node.outputs.size();
        }
        writer.varint(graph_.outputs().size());
        for (const ValueId output : graph_.outputs()) write_value(writer, "the network's output", output);
    }

  private:
    void write_value(ByteWriter& writer, std::string_view reader, ValueId value) const {
        const auto number = numbers_.find(value);
        if (number == numbers_.end() || number->second >= known_) {
            fail("'{}' reads '{}', which nothing before it outputs.", reader, graph_.name(value));
        }
        writer.varint(number->second);
    }

    const Graph& graph_;
    std::set<std::string_view> types_;
    std::map<ValueId, std::size_t> numbers_;
    std::size_t known_;  // how many values are there at a node
};

/// An image or vector that the network's input takes, to see whether the shapes of nodes fit.
Shape plausible_shape(const Shape& declared, const std::optional<Preprocessing>& preprocessing) {
    constexpr std::int64_t kFlexibleSide = 256;  // divisible by what networks halve their images to
    Shape shape = declared;
    if (shape[0] == 0) shape[0] = 1;
    for (int axis = 1; axis < shape.rank(); ++axis) {
        if (shape[axis] != 0) continue;
        shape[axis] = kFlexibleSide;
        if (!preprocessing || preprocessing->height == 0) continue;
        if (axis == 1) shape[axis] = preprocessing->height;
        if (axis == 2) shape[axis] = preprocessing->width;
    }
    return shape;
}

class GraphReader {
  public:
    GraphReader(ByteReader& reader, const GraphLimits& limits, const std::optional<Preprocessing>& preprocessing)
        : reader_(reader), most_nodes_(limits.nodes), elements_left_(limits.elements), preprocessing_(preprocessing) {}

    StoredGraph read() {
        const std::size_t inputs = reader_.count("the number of inputs");
        for (std::size_t i = 0; i < inputs; ++i) read_input();
        const std::size_t parameters = reader_.count("the number of parameters");
        for (std::size_t i = 0; i < parameters; ++i) read_parameter();
        read_types();
        const std::size_t nodes = reader_.count("the number of nodes");
        if (nodes > static_cast<std::size_t>(most_nodes_)) {
            fail("{}: the network has {} nodes, at most {} are allowed", reader_.where(), nodes, most_nodes_);
        }
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
        shapes_.push_back(plausible_shape(shape, preprocessing_));
    }

    void read_parameter() {
        const std::string name = names_.read(reader_, "the name of a parameter");
        const Shape shape = read_shape(reader_, 1, kMostElements);
        elements_left_ -= shape.elements();
        if (elements_left_ < 0) {
            fail("{}: parameter '{}' has {} elements, more than a file of this length may hold or than are allowed",
                 reader_.where(), name, shape.elements());
        }
        const auto form = static_cast<Form>(reader_.at_most(kForms - 1, "the form of a parameter"));
        const ValueId value = stored_.graph.add_parameter(name, read_weight(form, shape));
        shapes_.push_back(shape);
        stored_.parameter_shapes.emplace(value, shape);
    }

    Weight read_weight(Form form, const Shape& shape) {
        if (form == Form::floats) return Tensor();
        if (form == Form::quantized) return read_side_information(reader_, shape);
        return read_product(shape);
    }

    Product read_product(const Shape& shape) {
        if (shape.rank() != 2 && shape.rank() != 4) {
            fail("{}: a product has shape {}, expected 2 or 4 dimensions", reader_.where(), to_string(shape));
        }
        Product product{shape, {}, {}};
        Shape kernel = shape;
        const std::size_t bases = static_cast<std::size_t>(reader_.at_most(kAxes, "the number of bases"));
        for (std::size_t i = 0; i < bases; ++i) product.bases.push_back(read_basis(shape, kernel));
        claim(kernel.elements());
        product.kernel = read_side_information(reader_, kernel);
        return product;
    }

    /// Gives the kernel the extent that the basis mixes.
    Basis read_basis(const Shape& shape, Shape& kernel) {
        Basis basis{.axis = static_cast<Axis>(reader_.at_most(kAxes - 1, "the axis of a basis")), .matrix = {}};
        const auto form = static_cast<BasisForm>(reader_.at_most(kBasisForms - 1, "the form of a basis"));
        const std::int64_t channels = extent(with_one_tap_axis(shape), basis.axis);
        std::int64_t kept = channels;
        if (form == BasisForm::quantized) {
            kept = reader_.at_most(channels, "the columns of a basis");
            if (kept == 0) fail("{}: a basis has no columns", reader_.where());
            claim(channels * kept);
            basis.matrix = read_side_information(reader_, Shape{channels, kept});
        } else {
            basis.matrix = form == BasisForm::dct1 ? CosineKind::dct1 : CosineKind::dct2;
        }
        if (reader_.at_most(1, "whether a basis has a quantizer") != 0) basis.inner = read_quantizer(reader_);
        if (basis.axis == Axis::taps && shape.rank() == 4) {
            kernel[1] = 1;
            kernel[2] = kept;
        } else if (basis.axis != Axis::taps) {
            kernel[basis.axis == Axis::column ? 0 : kernel.rank() - 1] = kept;
        }
        return basis;
    }

    /// Counts elements that memory is needed for.
    void claim(std::int64_t elements) {
        elements_left_ -= elements;
        if (elements_left_ < 0) {
            fail("{}: the factors of a product have more elements than a file of this length may hold or than are "
                 "allowed",
                 reader_.where());
        }
    }

    void read_types() {
        const std::size_t types = reader_.count("the number of operator types");
        for (std::size_t i = 0; i < types; ++i) {
            types_.push_back(reader_.text(kLongestTypeName, "the name of an operator type"));
        }
    }

    void read_node() {
        const std::string name = names_.read(reader_, "the name of a node");
        const std::size_t type = static_cast<std::size_t>(reader_.varint("the type of a node"));
        if (type >= types_.size()) fail("{}: node '{}' has no known type", reader_.where(), name);
        const auto attributes = reader_.raw(reader_.count("the attributes of a node"), "the attributes of a node");
        const std::string where = formatted("{}: node '{}' ({})", reader_.where(), name, types_[type]);
        ByteReader attribute_reader(attributes, where);
        Operator op = read_operator(types_[type], attribute_reader);
        std::vector<ValueId> inputs = read_values("the inputs of a node");
        const std::vector<Shape> outputs = infer_outputs(op, inputs, where);
        stored_.graph.add_node(name, std::move(op), std::move(inputs), static_cast<int>(outputs.size()));
        shapes_.insert(shapes_.end(), outputs.begin(), outputs.end());
    }

    std::vector<Shape> infer_outputs(const Operator& op, std::span<const ValueId> inputs, std::string_view where) {
        std::vector<Shape> shapes;
        for (const ValueId input : inputs) shapes.push_back(shapes_[static_cast<std::size_t>(input)]);
        try {
            return infer_shapes(op, shapes);
        } catch (const Error& error) {
            fail("{}: {}", where, error.what());
        }
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
    std::int64_t most_nodes_;
    std::int64_t elements_left_;
    const std::optional<Preprocessing>& preprocessing_;
    std::vector<Shape> shapes_;  // by ValueId
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

std::vector<std::uint8_t> write_graph(const Graph& graph, SizeLedger& sizes) {
    ByteWriter writer;
    NameWriter names;
    writer.varint(graph.inputs().size());
    for (const Graph::Input& input : graph.inputs()) {
        names.write(writer, graph.name(input.value));
        write_shape(writer, input.shape);
    }
    writer.varint(graph.parameters().size());
    const std::map<ValueId, std::string> layers = layers_of_parameters(graph);
    SizeLedger charged;
    for (const ValueId value : stored_order(graph)) {
        if (!graph.is_parameter(value)) continue;
        const std::size_t begin = writer.bytes().size();
        names.write(writer, graph.name(value));
        const auto side_information = static_cast<std::int64_t>(write_weight(writer, graph.parameter(value)));
        const auto whole = static_cast<std::int64_t>(writer.bytes().size() - begin);
        charged.charge(layers.at(value), SizeCategory::graph, whole - side_information);
        charged.charge(layers.at(value), SizeCategory::side_information, side_information);
    }
    NodeWriter(graph).write(writer, names, charged);
    charged.charge("", SizeCategory::graph, static_cast<std::int64_t>(writer.bytes().size()) - charged.total());
    sizes.add(charged);
    return std::move(writer).take();
}

StoredGraph read_graph(ByteReader& reader, const GraphLimits& limits,
                       const std::optional<Preprocessing>& preprocessing) {
    return GraphReader(reader, limits, preprocessing).read();
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

}  // namespace eigenbit::internal
