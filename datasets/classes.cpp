#include "datasets/classes.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <span>

namespace eigenbit::internal {
namespace {

constexpr std::size_t kMostListed = 10;

std::string shortened_list(std::span<const std::string> names) {
    std::string text = joined(names.first(std::min(names.size(), kMostListed)));
    if (names.size() > kMostListed) text += formatted(" … ({} in all)", names.size());
    return text;
}

/// What names have in common that differ in nothing but capitals and how words are joined.
std::string folded(std::string_view name) {
    std::string result;
    for (const char letter : name) {
        const bool joins = std::string_view(" -_/").find(letter) != std::string_view::npos;
        result += joins ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
    return result;
}

/// Finds the classes of a network by name.
class ClassIndex {
  public:
    explicit ClassIndex(const std::vector<std::string>& known) {
        for (std::size_t i = 0; i < known.size(); ++i) {
            exact_.emplace(known[i], static_cast<int>(i));
            folded_.emplace(folded(known[i]), static_cast<int>(i));
        }
    }

    /// The classes that the name may stand for.
    std::vector<int> find(const std::string& name) const {
        if (exact_.contains(name)) return values(exact_, name);
        return values(folded_, folded(name));
    }

  private:
    using Names = std::multimap<std::string, int>;

    static std::vector<int> values(const Names& names, const std::string& name) {
        std::vector<int> result;
        const auto [begin, end] = names.equal_range(name);
        for (auto entry = begin; entry != end; ++entry) result.push_back(entry->second);
        return result;
    }

    Names exact_;
    Names folded_;
};

/// The network's class of each class of the data set.
std::vector<int> classes_by_name(const Dataset& dataset, const std::vector<std::string>& known) {
    const ClassIndex index(known);
    std::vector<int> result;
    std::vector<std::string> unknown;
    std::map<int, std::string> taken;
    for (const std::string& name : dataset.classes) {
        const std::vector<int> found = index.find(name);
        if (found.empty()) {
            unknown.push_back(name);
            continue;
        }
        if (found.size() > 1) {
            fail("data \"{}\": the class {} may be any of {} classes of the network: {}, {} …", dataset.name, name,
                 found.size(), known[static_cast<std::size_t>(found[0])], known[static_cast<std::size_t>(found[1])]);
        }
        const auto [earlier, is_new] = taken.emplace(found.front(), name);
        if (!is_new) {
            fail("data \"{}\": the classes {} and {} are both the network's {}", dataset.name, earlier->second, name,
                 known[static_cast<std::size_t>(found.front())]);
        }
        result.push_back(found.front());
    }
    if (!unknown.empty()) {
        fail("data \"{}\": the network does not know the class{} {}; it knows {}", dataset.name,
             unknown.size() > 1 ? "es" : "", shortened_list(unknown), shortened_list(known));
    }
    return result;
}

}  // namespace

std::int64_t score_count(const Graph& graph, const Preprocessing& preprocessing) try {
    if (graph.outputs().empty() || preprocessing.height == 0) return 0;
    const std::vector<Shape> shapes =
        infer_shapes(graph, Shape{1, preprocessing.height, preprocessing.width, preprocessing.channels});
    const Shape& output = shapes[static_cast<std::size_t>(graph.outputs().front())];
    return output.elements(1, output.rank());
} catch (const Error&) {
    return 0;
}

void require_labels(const Dataset& dataset) {
    if (dataset.restoration || !dataset.labels.empty()) return;
    fail("data \"{}\" does not say what its images show: a folder for each class, labels.csv or _classes.csv was "
         "expected",
         dataset.name);
}

void match_classes(Dataset& dataset, const std::vector<std::string>& known, std::int64_t scores) {
    if (dataset.restoration) return;
    if (!known.empty() && !dataset.classes.empty() && dataset.classes != known) {
        const std::vector<int> classes = classes_by_name(dataset, known);
        for (int& label : dataset.labels) label = classes[static_cast<std::size_t>(label)];
        dataset.classes = known;
        dataset.class_count = static_cast<int>(known.size());
    }
    const std::int64_t most = known.empty() ? scores : static_cast<std::int64_t>(known.size());
    if (most > 0 && dataset.class_count > most) {
        fail("data \"{}\" has {} classes, but the network knows {}", dataset.name, dataset.class_count, most);
    }
    if (known.empty() && !dataset.classes.empty() && dataset.class_count < scores) {
        warn("data \"{}\" has {} classes, the network {} scores without names: the classes, in the order of their "
             "names, "
             "are taken for the first scores",
             dataset.name, dataset.class_count, scores);
    }
}

}  // namespace eigenbit::internal
